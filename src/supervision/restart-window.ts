/**
 * The restarts of the last `periodMs`, which slides with every restart:
 *
 *     intensity 2          ├──── periodMs ────┤
 *     ───────x──────x──────────x──────x───────x──▶  the third within one period is one too many
 *                              └ exactly periodMs old: still counts
 */
export class RestartWindow {
  private readonly intensity: number
  private readonly periodMs: number
  /** Oldest first; never more than `intensity` + 1 while the supervisor lives. */
  private restartsMs: number[] = []

  constructor(intensity: number, periodMs: number) {
    this.intensity = intensity
    this.periodMs = periodMs
  }

  /**
   * Records a restart and says whether the supervisor may go on. **Units**: monotonic ms. **Bounds**: one exactly
   * `periodMs` old still counts; `intensity` are allowed, one more is not. **Source**: OTP's supervisor, which counts
   * whole seconds.
   */
  admit(nowMs: number): boolean {
    this.restartsMs = this.restartsMs.filter(restartMs => nowMs - restartMs <= this.periodMs)
    this.restartsMs.push(nowMs)
    return this.restartsMs.length <= this.intensity
  }
}

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
  /** Oldest first; those before `first` have left the period. */
  private restartsMs: number[] = []
  private first = 0

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
    if (this.intensity === Number.POSITIVE_INFINITY) return true
    const { restartsMs } = this
    restartsMs.push(nowMs)
    while (nowMs - (restartsMs[this.first] as number) > this.periodMs) this.first++
    const recent = restartsMs.length - this.first
    // A copy for as many that left as stay: each restart is copied about once, also where very many are allowed.
    if (this.first > recent) {
      this.restartsMs = restartsMs.slice(this.first)
      this.first = 0
    }
    return recent <= this.intensity
  }
}

import type { Clock } from '../base/ports.ts'

interface Wait {
  readonly partition: number
  readonly position: number
  /** Null: it is there. */
  readonly end: (error: Error | null) => void
}

/** Those who wait until a view reflects a position. */
export class Waits {
  private readonly clock: Clock
  private readonly waiting = new Set<Wait>()

  constructor(clock: Clock) {
    this.clock = clock
  }

  /** **Errors**: what `late` makes, after `timeoutMs` or when `signal` aborts; what `fail` is given. */
  until(
    partition: number,
    position: number,
    timeoutMs: number,
    signal: AbortSignal | null,
    late: () => Error,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(late())
        return
      }
      const giveUp = (): void => wait.end(late())
      const cancel = this.clock.after(timeoutMs, giveUp)
      const wait: Wait = {
        partition,
        position,
        end: error => {
          cancel()
          signal?.removeEventListener('abort', giveUp)
          this.waiting.delete(wait)
          if (error === null) resolve()
          else reject(error)
        },
      }
      signal?.addEventListener('abort', giveUp, { once: true })
      this.waiting.add(wait)
    })
  }

  reached(positions: ReadonlyMap<number, number>): void {
    for (const wait of this.waiting) if ((positions.get(wait.partition) ?? 0) >= wait.position) wait.end(null)
  }

  fail(error: Error): void {
    for (const wait of this.waiting) wait.end(error)
  }
}

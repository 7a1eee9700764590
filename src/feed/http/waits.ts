import type { Clock } from '../../base/ports.ts'
import type { FeedLog } from '../log/feed-log.ts'

/** Requests that are held until there is news. */
export class Waits {
  private readonly clock: Clock
  private readonly max: number
  private readonly waiting = new Set<() => void>()

  constructor(clock: Clock, max: number) {
    this.clock = clock
    this.max = max
  }

  /** Resolves when `isNews`, after `timeMs`, when the requester has gone, or at once where too many wait. */
  until(log: FeedLog, isNews: () => boolean, timeMs: number, signal: AbortSignal | null): Promise<void> {
    if (this.waiting.size >= this.max) return Promise.resolve()
    return new Promise(resolve => {
      const done = (): void => {
        if (!this.waiting.delete(done)) return
        unlisten()
        cancel()
        signal?.removeEventListener('abort', done)
        resolve()
      }
      this.waiting.add(done)
      const unlisten = log.listen(() => {
        if (isNews()) done()
      })
      const cancel = this.clock.after(timeMs, done)
      signal?.addEventListener('abort', done)
    })
  }

  close(): void {
    for (const done of [...this.waiting]) done()
  }
}

import type { Clock } from '../base/ports.ts'

/** How a probe waits for what it expects. */
export interface Waiting {
  readonly clock: Clock
  /** Resolves once `isDone` answers true, or the time is over, with what it answers then. */
  until(isDone: () => boolean, timeoutMs: number, changed: Changes): Promise<boolean>
}

/** Calls `listener` after each change that may matter; the function that comes back ends that. */
export type Changes = (listener: () => void) => () => void

/** Waits while the clock goes by itself. */
export const realWaiting = (clock: Clock): Waiting => ({
  clock,
  until: (isDone, timeoutMs, changed) =>
    new Promise(resolve => {
      if (isDone()) {
        resolve(true)
        return
      }
      const end = (): void => {
        cancel()
        unsubscribe()
        resolve(isDone())
      }
      const cancel = clock.after(timeoutMs, end)
      const unsubscribe = changed(() => {
        if (isDone()) end()
      })
    }),
})

import type { Clock } from 'troupe'
import type { Waiting } from './waiting.ts'

/** What is under way when a run is asked to end did not come to its end in time. */
export class DrainError extends Error {
  override readonly name = 'DrainError'
}

/** Rejects with DrainError `drainMs` after `stop` has aborted, and says what the run still waits for; never resolves. */
export const drained = (stop: AbortSignal, drainMs: number, waiting: Waiting, clock: Clock): Promise<never> =>
  new Promise((_, reject) => {
    const limit = async (): Promise<void> =>
      reject(
        new DrainError(
          `not at its end ${drainMs} ms after it was asked to stop: ${await waiting.text()}\n` +
            'What was decided is stored; the same command goes on from there.',
        ),
      )
    stop.addEventListener('abort', () => clock.after(drainMs, () => void limit()), { once: true })
  })

import { type ActorRef, type Behavior, behavior, type ExitReason, ignore, type ReplyTo, stopped } from 'troupe'
import { settle } from '../kernel/support.ts'

export type WorkerMessage =
  | { readonly type: 'note'; readonly text: string }
  | { readonly type: 'echo'; readonly text: string; readonly replyTo: ReplyTo<string> }
  /** Takes an ask and does not answer. */
  | { readonly type: 'keep'; readonly replyTo: ReplyTo<string> }
  | { readonly type: 'crash'; readonly error: Error }
  | { readonly type: 'end'; readonly reason: ExitReason }
  /** Handles something that never settles. */
  | { readonly type: 'hang' }

export interface WorkerOptions {
  /** What the nth start does, the last entry repeats: `ok`, an error to throw, or `ignore`. */
  readonly starts?: readonly ('ok' | 'ignore' | Error)[]
  readonly onStop?: () => void | Promise<void>
  readonly handlerTimeoutMs?: number
}

/** Writes what happens to it as `start risk 1`, `risk: hello`, `stop risk 1 shutdown`. */
export const worker = (name: string, seen: string[], options: WorkerOptions = {}): Behavior<WorkerMessage> => {
  let starts = 0
  return behavior<WorkerMessage, { nth: number }>({
    initial: () => {
      const nth = ++starts
      const plan = options.starts ?? ['ok']
      const step = plan[Math.min(nth, plan.length) - 1] ?? 'ok'
      if (step === 'ignore') return ignore
      if (step !== 'ok') {
        seen.push(`fail ${name} ${nth}`)
        throw step
      }
      seen.push(`start ${name} ${nth}`)
      return { nth }
    },
    receive: (state, message) => {
      switch (message.type) {
        case 'note':
          seen.push(`${name}: ${message.text}`)
          return state
        case 'echo':
          message.replyTo.tell(message.text)
          return state
        case 'keep':
          return state
        case 'crash':
          throw message.error
        case 'end':
          return stopped(message.reason)
        case 'hang':
          return new Promise(() => undefined)
      }
    },
    onStop: ({ nth }, reason) => {
      seen.push(`stop ${name} ${nth} ${reason.type}`)
      return options.onStop?.()
    },
    ...(options.handlerTimeoutMs !== undefined && { handlerTimeoutMs: options.handlerTimeoutMs }),
  })
}

export const BOOM = new Error('boom')

export const crash = (ref: ActorRef<WorkerMessage>, error: Error = BOOM): void => ref.tell({ type: 'crash', error })

/** The codes and texts of an error and of what led to it. */
export const chain = (reason: ExitReason): string[] => {
  const texts: string[] = []
  let error: unknown = reason.type === 'error' ? reason.error : reason.type === 'shutdown' ? reason.cause : undefined
  while (error instanceof Error) {
    texts.push('code' in error ? String(error.code) : error.message)
    error = error.cause
  }
  return texts
}

/** Starts once; each later start takes a few turns of the event loop and fails. Crashes on any message. */
export const neverStartsAgain = (): {
  behavior: Behavior<WorkerMessage>
  /** That have begun. */
  starts: () => number
  failedStarts: () => number
} => {
  let starts = 0
  let failed = 0
  return {
    starts: () => starts,
    failedStarts: () => failed,
    behavior: behavior<WorkerMessage, null>({
      initial: async () => {
        if (starts++ === 0) return null
        await settle()
        failed++
        throw BOOM
      },
      receive: () => {
        throw BOOM
      },
    }),
  }
}

import type { Behavior } from '../../kernel/behavior.ts'
import type { TimerKey, TimerTimes } from '../../kernel/timers.ts'
import type { ExitReason } from '../../kernel/types.ts'

/** What a behavior did beside changing its state, in the order it did it. Refs are shown by their paths. */
export type Effect =
  | { readonly type: 'told'; readonly to: string; readonly message: unknown }
  | {
      readonly type: 'asked'
      readonly to: string
      readonly message: unknown
      readonly timeoutMs: number | null
      /** Answers it, as whoever was asked would. */
      readonly answer: (reply: unknown) => void
      readonly fail: (error: Error) => void
    }
  | { readonly type: 'spawned'; readonly name: string; readonly behavior: Behavior<never> }
  | { readonly type: 'watched' | 'unwatched' | 'linked' | 'unlinked'; readonly ref: string }
  | { readonly type: 'stop-requested' | 'drain-requested' | 'kill-requested'; readonly ref: string }
  | { readonly type: 'stashed'; readonly message: unknown }
  | { readonly type: 'unstashed' }
  | { readonly type: 'dead-letter'; readonly message: unknown; readonly reason: 'stash-full' }
  | {
      readonly type: 'timer-started'
      readonly key: TimerKey
      readonly message: unknown
      readonly times: TimerTimes
    }
  | { readonly type: 'timer-cancelled'; readonly key: TimerKey }
  | { readonly type: 'receive-timeout-set'; readonly afterMs: number; readonly message: unknown }
  | { readonly type: 'receive-timeout-cancelled' }
  | { readonly type: 'piped' }
  | { readonly type: 'failed'; readonly error: Error }
  | { readonly type: 'became'; readonly behavior: Behavior<never> }
  | { readonly type: 'stopped'; readonly reason: ExitReason }

/** Where effects go. */
export type Record = (effect: Effect) => void

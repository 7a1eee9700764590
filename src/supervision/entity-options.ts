import type { RuntimeError } from '../base/errors.ts'
import type { Clock } from '../base/ports.ts'
import type { Behavior } from '../kernel/behavior.ts'
import type { Backoff } from './backoff.ts'

export interface EntitiesOptions {
  /** An entity without a message for so long (up to a quarter longer) is stopped. Units: ms. Default: 60,000. */
  readonly passivateAfterMs?: number
  /** Most entities alive at once; above it the longest idle one makes room, or a new one waits. Default: 100,000. */
  readonly maxLive?: number
  /** How long a crashed entity rests before its next message starts it again. */
  readonly backoff?: Backoff
  /** How long the entities have to end when their supervisor does. Units: ms. Default: 5,000. */
  readonly shutdownMs?: number
}

export interface EntityHooks<Message> {
  readonly behaviorOf: (id: string) => Behavior<Message>
  /** Times the asks that wait while there is no actor yet, whose clock would. */
  readonly clock: Clock
  /** An error that no restart mends: the supervisor fails with it, and its own supervisor decides. */
  readonly isFatal?: (error: Error) => boolean
  /** Such an error of no entity in particular: the supervisor fails with it as soon as it is known. */
  readonly whenFatal?: Promise<Error>
  /** An error of one entity's start that trying again does not mend: what waits for the entity fails with it. */
  readonly isLasting?: (error: Error) => error is RuntimeError
  /** Called when the supervisor starts, and throws where another one has the same ids; the answer gives them free. */
  readonly claim?: () => () => void
  /** Takes back a message that cannot be delivered since the supervisor is down: true if it did. */
  readonly takeBack?: (message: unknown) => boolean
}

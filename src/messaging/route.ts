import type { Delivery } from '../persistence/command.ts'

/** Whoever a bridge delivers to: the entities of a kind. */
export interface BridgeTarget<Message = never> {
  readonly name: string
  readonly deliver: (id: string, message: Message, delivery: Delivery) => void
}

/** What a message of the bus becomes inside. Made by `routeTo`, which knows that its receiver takes the message. */
export class Route {
  declare protected readonly isChecked: true
  readonly to: BridgeTarget
  readonly id: string
  readonly message: unknown
  /** Null: the receiver's own. */
  readonly key: string | null

  constructor(to: BridgeTarget, id: string, message: unknown, key: string | null) {
    this.to = to
    this.id = id
    this.message = message
    this.key = key
  }
}

/**
 * Where a message goes: the entity `id` of a kind, which is told `message`. A promise of it takes as long as it takes, and
 * holds up nothing but its own key. **Order**: messages of one `key` are handled one after another; by default all to one
 * receiver are of one key.
 */
export const routeTo = <Message>(
  to: BridgeTarget<Message>,
  id: string,
  message: NoInfer<Message | Promise<Message>>,
  key: string | null = null,
): Route => new Route(to as BridgeTarget, id, message, key)

import { Scheduled } from './scheduled.ts'

/** A told message that dead letters led to. (An ask's envelope, and what is scheduled, knows that itself.) */
export class EchoMessage extends Scheduled {
  readonly message: unknown
  constructor(message: unknown) {
    super()
    this.message = message
  }
  arrive(): boolean {
    return true
  }
}

/** The message, where that is what is queued. */
export const toldIn = (item: unknown): unknown => (item instanceof EchoMessage ? item.message : item)

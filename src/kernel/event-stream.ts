import type { Cell } from './cell.ts'
import type { DeathWatch } from './death-watch.ts'
import { LivingRefs } from './living-refs.ts'
import type { ActorRef } from './types.ts'

/** What can be published by its type. */
export interface TypedEvent {
  readonly type: string
}

/** A named channel: who subscribes to it is told what is published on it. Made by `EventStream.topic`. */
export interface Topic<in out Message> {
  readonly name: string
  /** Tells each subscriber, in the order of their subscription. */
  publish(message: Message): void
  /** A second time changes nothing; neither does an actor that has ended. */
  subscribe(ref: ActorRef<Message>): void
  unsubscribe(ref: ActorRef<Message>): void
}

/**
 * Publish and subscribe between the actors of a system: by the `type` of an event, or by topic. A subscriber that ends for
 * good is forgotten; one that restarts stays.
 *
 * **Order**: what one publisher publishes reaches each subscriber in that order. **Delivery**: to those subscribed at that
 * moment, as any tell: at most once, and what a subscriber is too full for, or has ended before, is a dead letter. What
 * nobody subscribes to is no dead letter. **Bounds**: none but those of the subscribers' mailboxes.
 */
export class EventStream<in out Event extends TypedEvent> {
  private readonly types: Channels
  private readonly topics: Channels

  /** For the runtime; users take `system.eventStream()`. */
  constructor(deathWatch: DeathWatch) {
    this.types = new Channels(deathWatch)
    this.topics = new Channels(deathWatch)
  }

  /** Tells each subscriber of the event's type, in the order of their subscription. */
  publish(event: Event): void {
    this.types.publish(event.type, event)
  }

  /** To one type or several. A second time changes nothing; neither does an actor that has ended. */
  subscribe<Type extends Event['type']>(
    types: Type | readonly Type[],
    ref: ActorRef<Extract<Event, { readonly type: Type }>>,
  ): void {
    for (const type of listOf(types)) this.types.subscribe(type, cellOf(ref))
  }

  unsubscribe<Type extends Event['type']>(
    types: Type | readonly Type[],
    ref: ActorRef<Extract<Event, { readonly type: Type }>>,
  ): void {
    for (const type of listOf(types)) this.types.unsubscribe(type, cellOf(ref))
  }

  /**
   * The topic of that name, the same for all that ask for it; the caller says what is published on it. Topics and types
   * are apart: a topic named as a type has other subscribers.
   */
  topic<Message>(name: string): Topic<Message> {
    const { topics } = this
    return {
      name,
      publish: message => topics.publish(name, message),
      subscribe: ref => topics.subscribe(name, cellOf(ref)),
      unsubscribe: ref => topics.unsubscribe(name, cellOf(ref)),
    }
  }
}

/** Subscribers by name; a name without any leaves nothing behind. */
class Channels {
  private readonly subscribers = new Map<string, LivingRefs>()
  private readonly deathWatch: DeathWatch

  constructor(deathWatch: DeathWatch) {
    this.deathWatch = deathWatch
  }

  publish(name: string, message: unknown): void {
    const subscribers = this.subscribers.get(name)
    if (subscribers === undefined) return
    for (const subscriber of subscribers.refs) subscriber.tell(message)
  }

  subscribe(name: string, subscriber: Cell): void {
    if (subscriber.isStopped) return
    const known = this.subscribers.get(name)
    if (known !== undefined) {
      known.add(subscriber)
      return
    }
    const first: LivingRefs = new LivingRefs(this.deathWatch, () => {
      if (first.size === 0) this.subscribers.delete(name)
    })
    this.subscribers.set(name, first)
    first.add(subscriber)
  }

  unsubscribe(name: string, subscriber: Cell): void {
    this.subscribers.get(name)?.remove(subscriber)
  }
}

const listOf = <Item>(items: Item | readonly Item[]): readonly Item[] =>
  Array.isArray(items) ? (items as readonly Item[]) : [items as Item]

const cellOf = (ref: ActorRef<never>): Cell => ref as unknown as Cell

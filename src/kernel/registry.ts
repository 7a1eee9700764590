import type { Cell } from './cell.ts'
import type { DeathWatch } from './death-watch.ts'
import { LivingRefs } from './living-refs.ts'
import type { ActorRef } from './types.ts'

/** Names a service whose actors take `Message`. Made by `serviceKey`. */
export class ServiceKey<in out Message> {
  declare protected readonly takes: (message: Message) => Message
  /** For people; two keys of one name are two services. */
  readonly name: string
  constructor(name: string) {
    this.name = name
  }
}

/**
 * A key under which actors are registered and found. The key is the object, not its name: make it once, in a module that
 * both sides import, and what is found under it takes what was registered under it.
 */
export const serviceKey = <Message>(name: string): ServiceKey<Message> => new ServiceKey(name)

/** What a subscriber of a key is told: all that are registered under it now. */
export interface Listing<Message> {
  readonly type: 'listing'
  readonly key: ServiceKey<Message>
  readonly refs: readonly ActorRef<Message>[]
}

/**
 * Finds actors by the service that they offer. An actor leaves it by itself when it ends for good, and stays over
 * restarts.
 *
 * **Order**: refs are listed in the order of their registration; listings reach a subscriber in the order of the changes.
 * **Bounds**: none on keys and refs; every change makes one array of the key's refs for all its subscribers.
 */
export class Registry {
  private readonly services = new Map<object, Service>()
  private readonly deathWatch: DeathWatch

  /** For the runtime; users take `system.registry`. */
  constructor(deathWatch: DeathWatch) {
    this.deathWatch = deathWatch
  }

  /** Takes effect at once. A second time changes nothing; neither does an actor that has ended. */
  register<Message>(key: ServiceKey<Message>, ref: ActorRef<Message>): void {
    this.withService(key, service => service.refs.add(cellOf(ref)))
  }

  deregister<Message>(key: ServiceKey<Message>, ref: ActorRef<Message>): void {
    this.withService(key, service => service.refs.remove(cellOf(ref)))
  }

  /** None that has ended by now. The array is never changed in place. */
  find<Message>(key: ServiceKey<Message>): readonly ActorRef<Message>[] {
    const service = this.services.get(key)
    if (service === undefined) return []
    service.refs.prune()
    return service.refs.refs as readonly unknown[] as readonly ActorRef<Message>[]
  }

  /**
   * Tells `listener` the listing of `key` now and after every change, until it ends or `unsubscribe`. **Delivery**: as
   * any tell. A second time changes nothing.
   */
  subscribe<Message>(key: ServiceKey<Message>, listener: ActorRef<Listing<Message>>): void {
    this.withService(key, service => {
      service.refs.prune()
      const before = service.subscribers.size
      service.subscribers.add(cellOf(listener))
      if (service.subscribers.size > before) cellOf(listener).tell(service.listing())
    })
  }

  /** No change after it is told. */
  unsubscribe<Message>(key: ServiceKey<Message>, listener: ActorRef<Listing<Message>>): void {
    this.withService(key, service => service.subscribers.remove(cellOf(listener)))
  }

  private withService(key: object, change: (service: Service) => void): void {
    let service = this.services.get(key)
    if (service === undefined) {
      service = new Service(key, this.deathWatch, this.services)
      this.services.set(key, service)
    }
    change(service)
    service.forgetIfEmpty()
  }
}

/** Who is registered under one key, and who wants to know. */
class Service {
  readonly refs: LivingRefs
  readonly subscribers: LivingRefs
  private readonly key: object
  private readonly services: Map<object, Service>

  constructor(key: object, deathWatch: DeathWatch, services: Map<object, Service>) {
    this.key = key
    this.services = services
    this.refs = new LivingRefs(deathWatch, () => this.changed())
    this.subscribers = new LivingRefs(deathWatch, () => this.forgetIfEmpty())
  }

  listing(): Listing<never> {
    const refs = this.refs.refs as readonly unknown[] as readonly ActorRef<never>[]
    return { type: 'listing', key: this.key as ServiceKey<never>, refs }
  }

  /** So that keys which come and go leave nothing behind. */
  forgetIfEmpty(): void {
    if (this.refs.size === 0 && this.subscribers.size === 0) this.services.delete(this.key)
  }

  private changed(): void {
    this.subscribers.prune()
    if (this.subscribers.size > 0) {
      const listing = this.listing()
      for (const subscriber of this.subscribers.refs) subscriber.tell(listing)
    }
    this.forgetIfEmpty()
  }
}

const cellOf = (ref: ActorRef<never>): Cell => ref as unknown as Cell

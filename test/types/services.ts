// Compiled, never run: what registry, event stream, routers and pools accept and refuse.

import {
  type ActorRef,
  ActorSystem,
  behavior,
  type Listing,
  type Pool,
  pool,
  type ReplyTo,
  type Router,
  router,
  serviceKey,
} from 'troupe'

type Order = { readonly type: 'order'; readonly customer: string; readonly replyTo: ReplyTo<number> }
type Cancel = { readonly type: 'cancel'; readonly customer: string }

declare const orders: ActorRef<Order>
declare const both: ActorRef<Order | Cancel>
declare const texts: ActorRef<string>
const system = ActorSystem.start()

// What is found under a key takes what was registered under it.
const key = serviceKey<Order>('orders')
system.registry.register(key, orders)
system.registry.register(key, both)
// @ts-expect-error it takes no orders
system.registry.register(key, texts)
const found: readonly ActorRef<Order>[] = system.registry.find(key)
void found
// @ts-expect-error it was registered for orders alone
const wider: readonly ActorRef<Order | Cancel>[] = system.registry.find(key)
void wider
declare const listener: ActorRef<Listing<Order> | string>
system.registry.subscribe(key, listener)
// @ts-expect-error a listener must take listings
system.registry.subscribe(key, texts)
// @ts-expect-error of this key's messages
system.registry.subscribe(serviceKey<Cancel>('cancels'), listener)

// A stream knows its events, a topic its messages.
const events = system.eventStream<Order | Cancel>()
events.subscribe('cancel', both)
events.subscribe(['order', 'cancel'], both)
events.subscribe('order', orders)
events.publish({ type: 'cancel', customer: 'a' })
// @ts-expect-error no such event
events.publish({ type: 'refund' })
// @ts-expect-error no such type
events.subscribe('refund', both)
// @ts-expect-error it takes orders alone
events.subscribe(['order', 'cancel'], orders)
const topic = events.topic<string>('notes')
topic.subscribe(texts)
topic.publish('text')
// @ts-expect-error the topic is of texts
topic.subscribe(orders)
// @ts-expect-error the same
topic.publish(1)

// A router takes what its members take, and stands where a ref stands.
const front = router(system, {
  routing: { type: 'consistent-hash', keyOf: order => order.customer },
  members: [orders, both],
})
const asRef: ActorRef<Order> = front
const answer: Promise<number> = front.ask(replyTo => ({ type: 'order', customer: 'a', replyTo }))
void [asRef, answer]
// @ts-expect-error orders alone
front.tell({ type: 'cancel', customer: 'a' })
// @ts-expect-error it takes no orders
front.add(texts)
// @ts-expect-error such a router could be given members that take less
const asWider: Router<never> = front
void asWider
// @ts-expect-error no such routing
router<Order>(system, { routing: 'random' })

// A pool takes what its workers take; so does its key.
const worker = behavior<Order, null>({ initial: () => null, receive: state => state })
const jobs: Pool<Order> = pool(system, { worker, size: 4, keyOf: order => order.customer })
const jobsRef: ActorRef<Order> = jobs
void jobsRef
// @ts-expect-error orders alone
jobs.tell('text')
// @ts-expect-error no such field
pool(system, { worker, size: 4, keyOf: order => order.name })
behavior<string, Router<Order>>({
  initial: context => router<Order>(context, { routing: 'broadcast' }),
  receive: state => state,
})

// Phases are named, custom ones too.
system.onShutdown('drain', async (reason, signal) => void [reason.type, signal.aborted], { timeoutMs: 100 })
ActorSystem.start({ shutdownPhases: ['close'], signals: true }).onShutdown('close', () => undefined)
// @ts-expect-error a time is a number of ms
system.onShutdown('drain', () => undefined, { timeoutMs: 'soon' })

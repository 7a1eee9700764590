// Compiled, never run: what compiles against nact's own declarations compiles against ours, and says the same.

import * as nact from 'nact'
import { type EventStore, eventSourced, type Journal } from 'troupe'
import * as here from 'troupe/nact'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const isTrue = <Claim extends true>(): Claim | undefined => undefined

type Order = { readonly dishes: readonly string[]; readonly replyTo: nact.Ref<number> & here.Ref<number> }

export const onNact = async (): Promise<void> => {
  const { start, spawn, spawnStateless, spawnPersistent, persistentQuery, dispatch, query, stop } = nact
  const system = start()
  const kitchen = spawn(
    system,
    (orders: number = 0, order: Order, context) => {
      dispatch(order.replyTo, orders)
      context.log.info(context.name)
      return orders + order.dishes.length
    },
    'kitchen',
    {
      shutdownAfter: 5 * nact.minutes,
      initialStateFunc: () => 0,
      onCrash: async (_message, error, context) => (error === undefined ? context.resume : context.reset),
      afterStop: (_orders, context) => dispatch(context.self, { dishes: [], replyTo: context.self as never }),
    },
  )
  const waiter = spawnStateless(kitchen, async (message, context) => dispatch(context.self, message))
  const untyped = spawn(system, (state, message, context) => ({ ...state, [message.key]: context.children.size }))
  dispatch(untyped, { key: 1 })
  const count = await query(kitchen, (replyTo: nact.Ref<number>) => ({ dishes: ['soup'], replyTo }), 2 * nact.seconds)
  isTrue<Equal<typeof count, number>>()
  const book = spawnPersistent(
    system,
    async (total: number, cents: number, context) => {
      // @ts-expect-error: nact's declarations leave it out; ours do not.
      await context.persist(cents)
      return total + cents
    },
    'book',
    'book',
    { snapshotEvery: 10 * nact.messages, encoder: cents => ({ cents }) },
  )
  const total = persistentQuery(system, (sum: number, cents: number) => sum + cents, 'book', { cacheDuration: 1 })
  isTrue<Equal<ReturnType<typeof total>, Promise<number>>>()
  const someone: nact.Ref<unknown> = new nact.Nobody()
  for (const each of [kitchen, waiter, book, someone]) stop(each)
  stop(system)
}

export const onTroupe = async (): Promise<void> => {
  const { start, spawn, spawnStateless, spawnPersistent, persistentQuery, dispatch, query, stop } = here
  const system = start()
  const kitchen = spawn(
    system,
    (orders: number = 0, order: Order, context) => {
      dispatch(order.replyTo, orders)
      context.log.info(context.name)
      return orders + order.dishes.length
    },
    'kitchen',
    {
      shutdownAfter: 5 * here.minutes,
      initialStateFunc: () => 0,
      onCrash: async (_message, error, context) => (error === undefined ? context.resume : context.reset),
      afterStop: (_orders, context) => dispatch(context.self, { dishes: [], replyTo: context.self as never }),
    },
  )
  const waiter = spawnStateless(kitchen, async (message, context) => dispatch(context.self, message))
  const untyped = spawn(system, (state, message, context) => ({ ...state, [message.key]: context.children.size }))
  dispatch(untyped, { key: 1 })
  const count = await query(kitchen, (replyTo: here.Ref<number>) => ({ dishes: ['soup'], replyTo }), 2 * here.seconds)
  isTrue<Equal<typeof count, number>>()
  const book = spawnPersistent(
    system,
    async (total: number, cents: number, context) => {
      await context.persist(cents)
      return total + cents
    },
    'book',
    'book',
    { snapshotEvery: 10 * here.messages, encoder: cents => ({ cents }) },
  )
  const total = persistentQuery(system, (sum: number, cents: number) => sum + cents, 'book', { cacheDuration: 1 })
  isTrue<Equal<ReturnType<typeof total>, Promise<number>>>()
  const someone: here.Ref<unknown> = new here.Nobody()
  for (const each of [kitchen, waiter, book, someone]) stop(each)
  stop(system)
}

// Engines typed by either serve both.
export const engines = (theirs: nact.PersistenceEngine, ours: here.PersistenceEngine, journal: Journal): void => {
  here.start(here.configurePersistence(theirs), here.configurePersistence(ours))
  nact.start(nact.configurePersistence(here.nactEngine(journal)))
  here.fromNactEngine(theirs)
  here.hostOnNact(nact, eventSourcedCounter, store)
  here.hostOnNact(here, eventSourcedCounter, store)
}
declare const store: EventStore
const eventSourcedCounter = eventSourced<number, { type: 'Added' }, number, number>({
  name: 'counter',
  initial: () => 0,
  decide: () => ({ events: [{ type: 'Added' }] }),
  evolve: count => count + 1,
})

// Every type that nact declares is here.
export type Declared = [
  nact.Milliseconds | here.Milliseconds,
  nact.ActorPath | here.ActorPath,
  nact.Logger | here.Logger,
  nact.ActorContextWithMailbox<1, nact.Ref<1>> | here.ActorContextWithMailbox<1, here.Ref<1>>,
  nact.SupervisionContext<1, nact.Ref<1>> | here.SupervisionContext<1, here.Ref<1>>,
  nact.StatelessActorFunc<1, nact.Ref<1>> | here.StatelessActorFunc<1, here.Ref<1>>,
  nact.StatelessActorProps<1, nact.Ref<1>> | here.StatelessActorProps<1, here.Ref<1>>,
  nact.PersistentActorProps<1, 1, nact.Ref<1>> | here.PersistentActorProps<1, 1, here.Ref<1>>,
  nact.PersistentQueryProps<1, 1> | here.PersistentQueryProps<1, 1>,
  nact.LogMsg | here.LogMsg,
  nact.LoggingEngine | here.LoggingEngine,
  nact.PersistedEvent | here.PersistedEvent,
  nact.PersistedSnapshot | here.PersistedSnapshot,
  nact.PersistenceEngine | here.PersistenceEngine,
  nact.EventStream | here.EventStream,
  nact.Plugin | here.Plugin,
]

import { ok } from 'node:assert/strict'
import { ActorSystem, type EntityKind, EventStore, entities, eventSourced, supervisor } from 'troupe'
import {
  CallFailed,
  type Simulated,
  type SimulatedHost,
  type SimulatedProcess,
  type SimulatedStore,
  standardFaults,
} from 'troupe/testkit'

type Command = { readonly type: 'pay'; readonly payment: string }
type Event = { readonly type: 'Paid'; readonly payment: string }

const till = eventSourced<Command, Event, readonly string[], readonly string[]>({
  name: 'till',
  initial: () => [],
  decide: (paid, { payment }) =>
    paid.includes(payment) ? { reply: paid } : { events: [{ type: 'Paid', payment }], reply: [...paid, payment] },
  evolve: (paid, { payment }) => [...paid, payment],
})

export interface Tills {
  readonly store: SimulatedStore
  readonly process: SimulatedProcess<EntityKind<Command, readonly string[]>>
  /** Payments that somebody was told of. */
  readonly answered: string[]
}

/** How a process may be wrong. */
export type Mistake = 'none' | 'hopeful'

const start =
  (store: SimulatedStore, mistake: Mistake) =>
  async (host: SimulatedHost): Promise<EntityKind<Command, readonly string[]>> => {
    const { ports, logger } = host
    const events = await EventStore.open(store.journal(host), { ...ports, logger })
    const system = ActorSystem.start({ name: 'tills', ports, logger })
    host.adopt(system)
    const kind = entities(till, events)
    const children = [{ id: 'till', start: kind.behavior, restart: 'permanent' as const }]
    system.spawn(supervisor({ strategy: 'one-for-one', intensity: 5, periodMs: 1_000, children }))
    void events.whenFenced.then(() => host.crash())
    void system.whenTerminated.then(() => host.crash())
    return mistake === 'hopeful' ? hopeful(kind) : kind
  }

/** Takes a write whose outcome is unknown for one that was done: right until a store fails before the write. */
const hopeful = (kind: EntityKind<Command, readonly string[]>): EntityKind<Command, readonly string[]> => ({
  ...kind,
  ask: async (id, message, options) => {
    try {
      return await kind.ask(id, message, options)
    } catch (error) {
      if ((error as { code?: string }).code === 'WRITE_UNCERTAIN') return [message.payment]
      throw error
    }
  },
})

const TILLS = 3

/** Tills in one process, customers who pay at them until they are answered, and everything that may go wrong. */
export const tills = (payments: number, mistake: Mistake = 'none'): Simulated<Tills> => ({
  system: world => {
    const store = world.store(2)
    return { store, process: world.process('tills', start(store, mistake)), answered: [] }
  },
  load: async ({ process, answered }, world, calm) => {
    await Promise.all(
      Array.from({ length: payments }, async (_, i) => {
        const [at, payment] = [`till-${i % TILLS}`, `payment-${i}`]
        await world.sleep(world.random.next() * 2_000)
        for (;;)
          try {
            await process.call(payment, instance => instance.ask(at, { type: 'pay', payment }, { timeoutMs: 500 }))
            answered.push(payment)
            return
          } catch (error) {
            const code = (error as { code?: string }).code ?? ''
            if (!(error instanceof CallFailed || EXPECTED.includes(code))) throw error
            await world.sleep(50)
          }
      }),
    )
    await calm
  },
  faults: { kinds: standardFaults, withinMs: 3_000 },
  invariants: {
    always: {
      'what was answered is stored': ({ store, answered }) => {
        const last = answered.at(-1)
        if (last !== undefined) ok(paymentsIn(store).includes(last), `${last} was answered and is not stored`)
      },
    },
    atEnd: {
      'every payment is stored once': ({ store }) => {
        const paid = paymentsIn(store)
        ok(paid.length === payments, `${paid.length} of ${payments} payments are stored`)
        ok(new Set(paid).size === payments, 'a payment is stored twice')
      },
    },
  },
})

const EXPECTED = [
  'ACTOR_CRASHED',
  'ACTOR_STOPPED',
  'ASK_TIMEOUT',
  'JOURNAL_UNAVAILABLE',
  'JOURNAL_FENCED',
  'JOURNAL_SEQUENCE_CONFLICT',
  'WRITE_REJECTED',
  'WRITE_UNCERTAIN',
]

const paymentsIn = (store: SimulatedStore): readonly string[] => {
  const payments: string[] = []
  for (const { records } of store.log())
    for (const { payload } of records) payments.push((payload as { readonly payment: string }).payment)
  return payments
}

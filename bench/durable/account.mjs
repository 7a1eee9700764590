// The actor of the durable benches: an event of some 60 bytes for each command.

import { ActorSystem, EventStore, entities, eventSourced, silentLogger, systemPorts } from 'troupe'

export const NOTE = 'paid in at the counter, as every day'

export const account = eventSourced({
  name: 'account',
  initial: () => 0,
  decide: (cents, command) =>
    command === null
      ? { reply: cents }
      : { events: [{ type: 'Deposited', cents: command, note: NOTE }], reply: cents + command },
  evolve: (cents, event) => cents + event.cents,
})

/** Runs `use(kind, store)` with the accounts of a journal up. */
export async function withAccounts(journal, use, options = {}) {
  const store = await EventStore.open(journal, { ...systemPorts, logger: silentLogger })
  const system = ActorSystem.start({ name: 'bench', logger: silentLogger })
  try {
    const kind = entities(account, store, { maxLive: 1_000_000, ...options })
    system.spawn(kind.behavior)
    return await use(kind, store)
  } finally {
    await system.terminate()
    await store.close()
  }
}

/** `inFlight` at a time, for every index below `count`. */
export async function inTurns(count, inFlight, one) {
  let next = 0
  const oneByOne = async () => {
    while (next < count) await one(next++)
  }
  await Promise.all(Array.from({ length: inFlight }, oneByOne))
}

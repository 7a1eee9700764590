// What a function costs that hosts an entity on Redis, in two questions.
// cold: from the module's import to the first result, in a process of its own, with a small snapshot and some events there.
// warm: one invocation after another, each of which recovers, decides and appends.
// Floor: ioredis alone, with one read and one checked write. Peer: an empty function, which is what the platform costs.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { EventStore, silentLogger, systemPorts } from 'troupe'
import { redisJournal } from 'troupe/redis'
import { perSecond } from '../frame.mjs'
import { openFunction as openAccount } from '../functions/account.mjs'
import { openFunction as openBare } from '../functions/bare.mjs'
import { openFunction as openEmpty } from '../functions/empty.mjs'
import { startRedis } from '../quotes/redis-server.mjs'

/** Of the entity before the first cold start: a snapshot, and a few events behind it. */
const EVENTS = 110
const PREFIX = 'functions'

export async function open({ quick }) {
  const invocations = quick ? 50 : 1_000
  const redis = await startRedis()
  await prepare(redis.port)
  const functions = [openAccount, openBare, openEmpty].map(open => open(redis.port, PREFIX))
  const cold = module => ({ run: () => coldStart(module, redis.port) })
  const warm = invoke => ({
    checksum: invocations,
    run: () =>
      perSecond(invocations, async () => {
        let count = 0
        for (; count < invocations; count++) await invoke({ id: 'x', command: { cents: 1 } })
        return count
      }),
  })
  const [account, bare, empty] = functions
  return {
    questions: [
      {
        name: 'cold',
        unit: 'ms',
        better: 'less',
        measures: 'import to first result; floor: ioredis, one read, one write',
        sides: { ours: cold('account'), floor: cold('bare'), empty: cold('empty') },
      },
      {
        name: 'warm',
        unit: '/s',
        better: 'more',
        measures: 'invocations, one after another; floor: ioredis, one read, one write',
        sides: { ours: warm(account), floor: warm(bare), empty: warm(empty) },
      },
    ],
    close: async () => {
      await Promise.all(functions.map(invoke => invoke.close()))
      await redis.stop()
    },
  }
}

/** The owner makes the store; guests find it. */
async function prepare(port) {
  const journal = redisJournal({
    url: `redis://127.0.0.1:${port}`,
    prefix: PREFIX,
    partitions: 1,
    logger: silentLogger,
  })
  const store = await EventStore.open(journal, { ...systemPorts, logger: silentLogger })
  await store.close()
  const invoke = openAccount(port, PREFIX)
  for (let i = 0; i < EVENTS; i++) await invoke({ id: 'x', command: { cents: 1 } })
  await invoke.close()
}

async function coldStart(module, port) {
  const child = fork(join(import.meta.dirname, '../functions/cold.mjs'), [module, port, PREFIX].map(String))
  const [{ tookMs }] = await once(child, 'message')
  await once(child, 'exit')
  return { value: tookMs }
}

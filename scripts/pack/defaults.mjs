// A user of every door who takes what `tsc --init` gives: `declaration` among it, so that the types of what is exported
// must be nameable from outside the package.

const actors = `import { ActorSystem, behavior, entities, EventStore, eventSourced, type ReplyTo, supervisor, supervisorControl, to } from 'troupe'
import { lmdbJournal } from 'troupe/lmdb'
import { logSource, messageBridge, receivingAdapter, routeTo } from 'troupe/messaging'

type Deposit = { cents: number }
type Deposited = { type: 'Deposited'; cents: number }

export const account = eventSourced<Deposit, Deposited, number, number>({
  name: 'account',
  initial: () => 0,
  decide: (balance, { cents }) => ({ events: [{ type: 'Deposited', cents }], reply: balance + cents }),
  evolve: (balance, event) => balance + event.cents,
})

export const counter = behavior<{ type: 'count' } | { type: 'read'; replyTo: ReplyTo<number> }, number>({
  initial: () => 0,
  receive: (count, message) => {
    if (message.type === 'count') return count + 1
    message.replyTo.tell(count)
    return count
  },
})

export const store = await EventStore.open(lmdbJournal({ path: './store' }))
export const accounts = entities(account, store)
export const totals = entities(
  eventSourced<Deposited, Deposited, number, void>({
    name: 'total',
    initial: () => 0,
    decide: (_total, event) => ({ events: [event], send: [to('audit', { type: 'Noted' })] }),
    evolve: (total, event) => total + event.cents,
  }),
  store,
)
export const bridge = messageBridge({
  name: 'totals',
  store,
  source: logSource<Deposited>(store, 'totals', { events: ['Deposited'] }),
  translate: message => routeTo(totals, 'all', message.payload),
})
export const door = receivingAdapter({
  name: 'deposits',
  schema: {
    '~standard': {
      version: 1,
      vendor: 'own',
      validate: value => (typeof value === 'number' ? { value } : { issues: [{ message: 'no number' }] }),
    },
  },
  dispatch: (cents: number) => accounts.ask('account-1', { cents }),
})

export const system = ActorSystem.start({ name: 'defaults' })
const root = system.spawn(
  supervisor({
    children: [
      { id: 'accounts', start: accounts.behavior },
      { id: 'door', start: door.behavior },
    ],
  }),
)
await supervisorControl(root).whichChildren()
const answer = await door.request(500)
if (!answer.accepted || answer.reply !== 500) throw new Error(JSON.stringify(answer))
await system.terminate()
await store.close()
`

const redis = `import { type RedisJournalOptions, redisJournal, redisStreamSource } from 'troupe/redis'

export const options: RedisJournalOptions = { url: 'redis://127.0.0.1:6379/3?prefix=shop' }
export const open = () => redisJournal(options)
export const topic = redisStreamSource
`

/** @returns {Record<string, string>} files beside the tsconfig.json that `tsc --init` makes */
export const withoutNodeTypes = () => ({ 'actors.ts': actors })

/** As ioredis declares its types by those of Node, so does whoever imports them. */
export const withNodeTypes = () => ({ 'actors.ts': actors, 'redis.ts': redis })

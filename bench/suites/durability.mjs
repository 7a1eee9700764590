// What durability costs: how many commands a second event-sourced actors answer at each level that a store can be set to,
// each command with one event of some 60 bytes, 1 and 256 in flight. Ours is LMDB, flushed, the default; the other sides are
// the same program on a store that is set to another level, as docs/durability.md lists them.

import { memoryJournal } from 'troupe'
import { lmdbJournal } from 'troupe/lmdb'
import { redisJournal } from 'troupe/redis'
import { inTurns, withAccounts } from '../durable/account.mjs'
import { openPlaces } from '../durable/places.mjs'
import { perSecond } from '../frame.mjs'
import { startRedis } from '../quotes/redis-server.mjs'

const LEVELS = {
  always: ['--appendonly', 'yes', '--appendfsync', 'always'],
  everysec: ['--appendonly', 'yes', '--appendfsync', 'everysec'],
  'no AOF': ['--appendonly', 'no'],
}
const quiet = { log: () => undefined }

export async function open({ quick }) {
  const places = await openPlaces('durability')
  const servers = []
  const redis = {}
  for (const [level, settings] of Object.entries(LEVELS)) {
    const server = await startRedis(settings)
    servers.push(server)
    let stores = 0
    redis[`redis ${level}`] = () => {
      const url = `redis://127.0.0.1:${server.port}?prefix=s${++stores}&partitions=1`
      return { journal: () => redisJournal({ url, logger: quiet }), remove: async () => undefined }
    }
  }
  const lmdb = flush => () => {
    const { path, remove } = places.folder()
    return { journal: () => lmdbJournal({ path, flush }), remove }
  }
  const sides = {
    ours: lmdb(true),
    'no-flush': lmdb(false),
    ...redis,
    memory: () => ({ journal: () => memoryJournal(), remove: async () => undefined }),
  }

  const answering = (place, count, inFlight) => ({
    checksum: count,
    run: async () => {
      const { journal, remove } = place()
      try {
        return await withAccounts(journal(), async kind => {
          const ids = Array.from({ length: inFlight }, (_, i) => `a${i}`)
          await Promise.all(ids.map(id => kind.ask(id, null)))
          const answers = new Array(inFlight).fill(0)
          return perSecond(count, async () => {
            await inTurns(count, inFlight, async nr => {
              answers[nr % inFlight] = Math.max(answers[nr % inFlight], await kind.ask(ids[nr % inFlight], 1))
            })
            return answers.reduce((sum, cents) => sum + cents, 0)
          })
        })
      } finally {
        await remove()
      }
    },
  })

  const questions = [
    { inFlight: 256, count: quick ? 2_048 : 20_000 },
    { inFlight: 1, count: quick ? 64 : 300 },
  ].map(({ inFlight, count }) => ({
    name: `durability-${inFlight}`,
    unit: 'commands/s',
    better: 'more',
    measures: `${inFlight} in flight; ours: LMDB, flushed`,
    sides: Object.fromEntries(Object.entries(sides).map(([name, place]) => [name, answering(place, count, inFlight)])),
  }))
  const close = async () => {
    for (const server of servers) await server.stop()
    await places.close()
  }
  return { questions, close }
}

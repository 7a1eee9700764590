// The least that a function which keeps state on Redis can do: read what is there, and write what follows if nobody else has.

import { Redis } from 'ioredis'

const BOOK = `
if (redis.call('HGET', KEYS[1], 'version') or '0') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[1] + 1, 'state', ARGV[2])
redis.call('XADD', KEYS[2], '*', 'e', ARGV[3])
return 1`

export const openFunction = (port, prefix) => {
  const redis = new Redis({ port, host: '127.0.0.1' })
  const keys = [`{${prefix}}:head`, `{${prefix}}:log`]
  const invoke = async ({ command: { cents } }) => {
    const [version, state] = await redis.hmget(keys[0], 'version', 'state')
    const before = JSON.parse(state ?? '{"cents":0,"bookings":0}')
    const event = { type: 'Booked', cents }
    const after = { cents: before.cents + cents, bookings: before.bookings + 1 }
    const stored = await redis.eval(BOOK, 2, ...keys, version ?? '0', JSON.stringify(after), JSON.stringify(event))
    if (stored !== 1) throw new Error('somebody else came first')
    return { reply: after.cents }
  }
  return Object.assign(invoke, { close: async () => redis.disconnect() })
}

// An account as a function would have it: few events behind a small snapshot.

import { eventSourced } from 'troupe'
import { toFunction } from 'troupe/functions'
import { redisJournal } from 'troupe/redis'

export const account = eventSourced({
  name: 'account',
  initial: () => ({ cents: 0, bookings: 0 }),
  decide: (state, { cents }) => ({ events: [{ type: 'Booked', cents }], reply: state.cents + cents }),
  evolve: ({ cents, bookings }, event) => ({ cents: cents + event.cents, bookings: bookings + 1 }),
  snapshot: { every: 100, keep: 1 },
})

const logger = { log: () => undefined }

/** @returns {import('troupe/functions').TroupeFunction} */
export const openFunction = (port, prefix) =>
  toFunction({
    entity: account,
    journal: redisJournal({ url: `redis://127.0.0.1:${port}`, prefix, partitions: 1, writer: 'guest', logger }),
    logger,
  })

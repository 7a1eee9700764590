// How many commands a second event-sourced actors answer, each with one event of some 60 bytes made durable before the
// answer: 64, 256 and 1,024 in flight, one under way for each of as many actors. Floor: a bare loop on the same engine that
// packs as many events as are in flight, writes them in one batch, flushed as ours are, waits, and begins anew. No actors,
// no sequence numbers, no index; an event's latency is its batch's. The p99 of both are printed below the table.
//
// No peer: Emmett's SQLite store (0.42) is made for the driver sqlite3, whose binary comes from an install script, and
// neither that nor a built-in SQLite is there on Node 20 after an install without scripts. Its store in memory keeps
// nothing, and its PostgreSQL store measures another engine, with a server between.

import { inTurns, NOTE, withAccounts } from '../durable/account.mjs'
import { openPlaces } from '../durable/places.mjs'
import { perSecond } from '../frame.mjs'
import { Latencies } from '../quotes/latencies.mjs'

const FULL = 100_000
const QUICK = 2_048

export async function open({ quick }) {
  const count = quick ? QUICK : FULL
  const places = await openPlaces('journal')
  const shown = []
  const latenciesOf = name => {
    const latencies = new Latencies()
    shown.push({ name, latencies })
    return latencies
  }

  const ours = (name, place, inFlight) => {
    const latencies = latenciesOf(`${name}, ours`)
    return {
      checksum: count,
      run: async () => {
        const at = place()
        const measured = []
        try {
          return await withAccounts(at.journal(), kind => {
            // They are up before the first is timed.
            const ids = Array.from({ length: inFlight }, (_, i) => `a${i}`)
            const answers = new Array(inFlight).fill(0)
            return Promise.all(ids.map(id => kind.ask(id, null))).then(() =>
              perSecond(count, async () => {
                await inTurns(count, inFlight, async nr => {
                  const sent = performance.now()
                  answers[nr % inFlight] = Math.max(answers[nr % inFlight], await kind.ask(ids[nr % inFlight], 1))
                  measured.push(performance.now() - sent)
                })
                return answers.reduce((sum, cents) => sum + cents, 0)
              }),
            )
          })
        } finally {
          latencies.add(measured)
          await at.remove()
        }
      },
    }
  }

  const floor = (name, place, inFlight) => {
    const latencies = latenciesOf(`${name}, floor`)
    return {
      checksum: count,
      run: async () => {
        const at = place()
        const store = await at.floor()
        const measured = []
        try {
          return await perSecond(count, async () => {
            let written = 0
            while (written < count) {
              const began = performance.now()
              const size = Math.min(inFlight, count - written)
              const batch = Array.from({ length: size }, (_, i) => eventOf(`account|a${i}`, written + i))
              await store.append(written + 1, batch)
              const tookMs = performance.now() - began
              for (let i = 0; i < size; i++) measured.push(tookMs)
              written += size
            }
            return written
          })
        } finally {
          latencies.add(measured)
          await store.close()
          await at.remove()
        }
      },
    }
  }

  const questions = ['lmdb', 'redis'].flatMap(engine =>
    [256, 64, 1_024].map(inFlight => {
      const name = inFlight === 256 ? `append-${engine}` : `append-${engine}-${inFlight}`
      return {
        name,
        unit: 'commands/s',
        better: 'more',
        measures: `${inFlight} in flight, ${engine === 'lmdb' ? 'flushed' : 'append-only file everysec'}`,
        sides: { ours: ours(name, places[engine], inFlight), floor: floor(name, places[engine], inFlight) },
        goals: [{ against: 'floor', ratio: 0.6 }],
      }
    }),
  )
  const close = async () => {
    await places.close()
    for (const { name, latencies } of shown) {
      const text = latencies.text(name)
      if (text !== null) console.log(`latency of ${text}`)
    }
  }
  return { questions, close }
}

/** What a record needs to be read again, with the metadata that an audit asks for. */
const eventOf = (id, nr) => ({
  id,
  appendId: `floor-${nr.toString(36)}`,
  timeMs: Date.now(),
  payload: { type: 'Deposited', cents: 1, note: NOTE },
})

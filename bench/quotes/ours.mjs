// The marketplace as an embedder runs it, orchestrated, on a store of its own that begins empty.

import { silentLogger } from 'troupe'
import { Marketplace } from '../../dist/supervisors/marketplace.js'
import { perSecond } from '../frame.mjs'
import { Tally } from './steps.mjs'

/**
 * Submits `applications`, at most `inFlight` under way; timed until everything that they caused is durable, the ends of
 * their processes too. Opening and closing are not timed. `host`: what runs the domain's actors; Troupe itself if none.
 */
export async function quotes({ journal, host = undefined, applications, inFlight, latencies }) {
  const marketplace = await Marketplace.open({
    journal,
    mode: 'orchestration',
    logger: silentLogger,
    ...(host !== undefined && { host }),
  })
  try {
    const tally = new Tally()
    const { value } = await perSecond(applications.length, async () => {
      let next = 0
      const submitOneByOne = async () => {
        while (next < applications.length) {
          const application = applications[next++]
          const sent = performance.now()
          const { outcome } = await marketplace.submit(application)
          latencies.push(performance.now() - sent)
          tally.addOutcome(outcome)
        }
      }
      await Promise.all(Array.from({ length: inFlight }, submitOneByOne))
      await marketplace.settled()
    })
    tally.addCents((await marketplace.totals()).ttcCents)
    return { value, checksum: tally.checksum }
  } finally {
    await marketplace.close()
  }
}

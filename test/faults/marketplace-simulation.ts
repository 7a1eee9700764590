/**
 * The whole hosted marketplace from one seed, in either mode: 20 to 40 applications, submitted by customers who ask again
 * until they are answered, to a process that crashes, stalls, is fenced by a second one, and whose store fails before and
 * after its writes, while any of its actors fails or is killed and whole contexts are down.
 */

import { ok, strictEqual } from 'node:assert/strict'
import { recover, supervisorControl } from 'troupe'
import {
  CallFailed,
  type FaultKind,
  pick,
  type Simulated,
  type SimulatedProcess,
  type SimulatedStore,
  secondProcess,
  standardFaults,
} from 'troupe/testkit'
import {
  type Accumulation,
  type Application,
  currentTariff,
  type PremiumTotals,
  premium,
  premiumIdOf,
  risk,
} from '../../actors/index.ts'
import { Marketplace } from '../../supervisors/marketplace.ts'
import { drawApplications, REGIONS } from './applications.ts'
import { MarketplaceLog } from './marketplace-log.ts'

export interface Market {
  readonly mode: 'choreography' | 'orchestration'
  readonly applications: readonly Application[]
  readonly store: SimulatedStore
  readonly log: MarketplaceLog
  readonly process: SimulatedProcess<Marketplace>
  /** What somebody was told, by application. */
  readonly answers: Map<string, string>
  /** The newest of them, not checked yet. */
  readonly fresh: string[]
  /** Told by a process that knew by then that another one had the store. */
  readonly tooLate: string[]
}

/** A context is stopped by an operator, and started again up to three seconds later. */
const contextDown: FaultKind = {
  name: 'context-down',
  weight: 2,
  inject: (world, { target, size }) => {
    const marketplace = world.processes[0]?.instance as Marketplace | null
    if (marketplace === null) return
    const context = pick(['risk', 'premium', 'underwriting'], target) as string
    const control = supervisorControl(marketplace.root)
    const startAgain = (): void => {
      control.restartChild(context).then(result => {
        // Its store did not answer: somebody tries again.
        if (!result.ok && result.error === 'start-failed') startLater()
      }, ended)
    }
    const startLater = (): void => {
      world.at(world.nowMs + 200 + size * 3_000, null, `${context} is started again`, startAgain)
    }
    control.terminateChild(context).catch(ended)
    startLater()
  },
}

/** The marketplace has ended, and whoever starts it again starts all contexts. */
const ended = (error: { readonly code?: string }): void => {
  if (!['ACTOR_STOPPED', 'ACTOR_CRASHED', 'CHILD_NOT_FOUND'].includes(error.code ?? '')) throw error
}

export const marketplaceFaults: readonly FaultKind[] = [
  ...standardFaults.filter(({ name }) => !name.startsWith('delivery') && name !== 'acknowledgement-lost'),
  contextDown,
]

const boot =
  (store: SimulatedStore, mode: Market['mode']) =>
  async (host: Parameters<SimulatedStore['journal']>[0]): Promise<Marketplace> => {
    const { ports, logger } = host
    const marketplace = await Marketplace.open({
      journal: store.journal(host),
      mode,
      logger,
      ports,
      snapshotEvery: 5,
      passivateAfterMs: 1_000,
      maxLivePerKind: 10,
    })
    host.adopt(marketplace.system)
    // As the main job does: a process that was fenced, or whose tree gave up, ends.
    void Promise.race([marketplace.whenEnded, marketplace.store.whenFenced]).then(() => host.crash())
    return marketplace
  }

export const marketplaceSimulation: Simulated<Market> = {
  system: world => {
    const { random } = world
    const mode = random.next() < 0.5 ? 'choreography' : 'orchestration'
    const store = world.store(1 + Math.floor(random.next() * 3))
    return {
      mode,
      applications: drawApplications(random, 20 + Math.floor(random.next() * 21)),
      store,
      log: new MarketplaceLog(store),
      process: world.process('marketplace', boot(store, mode)),
      answers: new Map(),
      fresh: [],
      tooLate: [],
    }
  },

  load: async (market, world, calm) => {
    const { applications, answers, fresh, process, tooLate } = market
    const submit = async (application: Application): Promise<void> => {
      const { applicationId } = application
      await world.sleep(world.random.next() * 4_000)
      while (!answers.has(applicationId)) {
        const call = process.call(applicationId, marketplace => marketplace.submit(application))
        // A customer asks again after a while; the first answer counts, whichever call it is to.
        const answer = await Promise.race([call, world.sleep(2_000)]).catch(expected)
        if (answer === undefined) continue
        const { value, host, sentAtMs } = answer
        if (host.fencedAtMs !== null && sentAtMs > host.fencedAtMs) tooLate.push(applicationId)
        answers.set(applicationId, value.outcome)
        fresh.push(applicationId)
      }
    }
    await Promise.all(applications.map(submit))
    await calm
    // What could still come twice has the time to come.
    await world.sleep(3_000)
  },

  faults: { kinds: marketplaceFaults, always: [secondProcess], perRun: { min: 5, max: 14 }, withinMs: 5_000 },

  invariants: {
    always: {
      'nothing that was answered is lost': ({ answers, fresh, log }) => {
        for (const id of fresh.splice(0)) {
          log.readOn()
          strictEqual(log.outcomes.get(id)?.status, answers.get(id), `${id} was answered ${answers.get(id)}`)
        }
      },
      'a fenced process answers nothing': ({ tooLate }) => ok(tooLate.length === 0, `${tooLate} by a fenced process`),
    },
    atEnd: {
      'every application ends in the one outcome that it has where nothing fails': market => {
        market.log.checkAgainstFaultFree(market.applications, market.mode)
      },
      'the regions add up': async market => {
        const ttcCents = market.log.checkAgainstFaultFree(market.applications, market.mode)
        const sums = (await market.process.call('totals', totals)).value
        strictEqual(sums.risks, market.applications.length, `${sums.risks} risks`)
        strictEqual(sums.ttcCents, ttcCents, `${sums.ttcCents} cents in the regions' totals`)
      },
    },
  },
}

/** As the regions' actors have them after a recovery, snapshots included. */
const totals = async ({ store }: Marketplace): Promise<{ readonly risks: number; readonly ttcCents: number }> => {
  let [risks, ttcCents] = [0, 0]
  for (const region of REGIONS) {
    risks += (await recover<Accumulation>(store, risk as never, region)).state.risks
    const premiums = await recover<PremiumTotals>(store, premium as never, premiumIdOf(region, currentTariff.version))
    ttcCents += premiums.state.ttcCents
  }
  return { risks, ttcCents }
}

/** What a customer sees of a process that fails: anything else is a defect. */
const expected = (error: { readonly code?: string }): undefined => {
  if (error instanceof CallFailed || EXPECTED.includes(error.code ?? '')) return undefined
  throw error
}

const EXPECTED = [
  'ACTOR_CRASHED',
  'ACTOR_STOPPED',
  'BRIDGE_STOPPED',
  'JOURNAL_CLOSED',
  'JOURNAL_FENCED',
  'JOURNAL_SEQUENCE_CONFLICT',
  'JOURNAL_UNAVAILABLE',
  'SYSTEM_TERMINATED',
  'WRITE_REJECTED',
  'WRITE_UNCERTAIN',
]

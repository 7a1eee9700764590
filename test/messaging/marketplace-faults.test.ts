import fc from 'fast-check'
import { type Random, recover, seededRandom, silentLogger } from 'troupe'
import { expect, test } from 'vitest'
import {
  type Accumulation,
  type Application,
  currentTariff,
  type PremiumTotals,
  premium,
  premiumIdOf,
  risk,
} from '../../actors/index.ts'
import type { StoredAppend } from '../../src/persistence/journal.ts'
import { type MemoryStore, memoryJournal, memoryStore } from '../../src/persistence/memory-journal.ts'
import { childRef, supervisorControl } from '../../src/supervision/control.ts'
import type { SupervisorMessage } from '../../src/supervision/messages.ts'
import type { Fault } from '../../src/testkit/faults/fault.ts'
import { FaultyJournal, type JournalOperation } from '../../src/testkit/faults/faulty-journal.ts'
import { VirtualClock } from '../../src/testkit/virtual-clock.ts'
import { Marketplace } from '../../supervisors/marketplace.ts'
import { someApplication } from '../actors/arbitraries.ts'
import { Marketplace as FaultFree } from '../actors/marketplace.ts'

/**
 * The whole marketplace under faults, from a seed: operations of the store that fail before or after they took effect or
 * take long, kinds of entities and bridges that are killed, contexts that are down for a while, processes that end without
 * a word. Whatever happens, each application is assessed, rated and decided once, and for the premium that it costs.
 *
 * More seeds: FAULT_SEEDS=500 FAULT_SEED_FIRST=1000 npx vitest run test/messaging/marketplace-faults.test.ts
 */
const seeds = Number(process.env.FAULT_SEEDS ?? 12)
const firstSeed = Number(process.env.FAULT_SEED_FIRST ?? 1)

for (const mode of ['choreography', 'orchestration'] as const)
  test(`${mode}: every application is decided once, whatever fails (seeds ${firstSeed} to ${firstSeed + seeds - 1})`, async () => {
    for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
      const run = new Run(seed, mode)
      await run.throughFaults()
      const problems = await run.problems()
      expect(problems, `seed ${seed}, ${mode}`).toEqual([])
    }
  }, 600_000)

const REGIONS = ['R24', 'R53', 'R93'] as const
const FAULTY_STEPS = 150
const QUIET_STEPS = 4_000

class Run {
  private readonly random: Random
  private readonly store: MemoryStore
  private readonly mode: 'choreography' | 'orchestration'
  private readonly applications: readonly Application[]
  private clock = new VirtualClock()
  private marketplace: Marketplace | null = null
  private faultRate = 0
  /** Answers that came, by id; what was asked of a process that ended gets none. */
  private readonly answers = new Map<string, string>()
  private readonly asked = new Set<string>()
  private nextDisaster = 0
  private readonly down = new Map<string, number>()

  constructor(seed: number, mode: 'choreography' | 'orchestration') {
    this.random = seededRandom(seed)
    this.mode = mode
    this.store = memoryStore(1 + this.below(3))
    this.applications = fc
      .sample(someApplication, { seed, numRuns: 20 + this.below(31) })
      .map((application, i) => ({ ...application, applicationId: `A-${i}`, region: REGIONS[this.below(3)]! }))
  }

  async throughFaults(): Promise<void> {
    this.faultRate = [0.01, 0.05, 0.2][this.below(3)]!
    for (let step = 0; step < FAULTY_STEPS; step++) {
      await this.isOpen()
      if (this.below(2) === 0) this.submit(this.applications[this.below(this.applications.length)]!)
      if (step >= this.nextDisaster) await this.disaster(step)
      await this.comeBack(step)
      await this.pass(this.below(200))
    }
    this.faultRate = 0
    this.down.forEach((_, id) => {
      this.down.set(id, 0)
    })
    for (let step = 0; step < QUIET_STEPS && this.answers.size < this.applications.length; step++) {
      await this.isOpen()
      await this.comeBack(FAULTY_STEPS)
      for (const application of this.applications) this.submit(application)
      await this.pass(50)
    }
    // What could still come twice has the time to come.
    for (let step = 0; step < 200; step++) {
      await this.isOpen()
      await this.comeBack(FAULTY_STEPS)
      await this.pass(200)
    }
  }

  async problems(): Promise<readonly string[]> {
    const problems: string[] = []
    const counts = new Map<string, number>()
    const ttcCents = new Map<string, number>()
    for (const { records } of this.log())
      for (const { kind, type, payload } of records) {
        if (kind !== 'event' || type === 'ModeChosen') continue
        const { applicationId, ttcCents: cents } = payload as { applicationId?: string; ttcCents?: number }
        if (applicationId === undefined) continue
        const what = cents === undefined || type === 'PremiumRateCalculated' ? type : 'outcome'
        counts.set(`${what} ${applicationId}`, (counts.get(`${what} ${applicationId}`) ?? 0) + 1)
        if (what === 'outcome') ttcCents.set(applicationId, cents!)
      }
    const faultFree = new FaultFree(this.mode)
    let expectedTtcCents = 0
    for (const application of this.applications) {
      const { applicationId } = application
      const expected = faultFree.submit(application)
      expectedTtcCents += expected.rate!.ttcCents
      for (const what of ['ApplicationSubmitted', 'RiskAssessed', 'PremiumRateCalculated', 'outcome']) {
        const count = counts.get(`${what} ${applicationId}`) ?? 0
        if (count !== 1) problems.push(`${applicationId}: ${what} ${count} times`)
      }
      if (ttcCents.get(applicationId) !== expected.rate!.ttcCents)
        problems.push(`${applicationId}: ${ttcCents.get(applicationId)} cents instead of ${expected.rate!.ttcCents}`)
      const answer = this.answers.get(applicationId)
      if (answer !== expected.status) problems.push(`${applicationId}: answered ${answer}, not ${expected.status}`)
    }
    const { risks, cents } = await this.within(this.totals())
    if (risks !== this.applications.length) problems.push(`${risks} risks in the regions' totals`)
    if (cents !== expectedTtcCents) problems.push(`${cents} cents in the regions' totals, not ${expectedTtcCents}`)
    await this.within(this.marketplace!.close())
    return problems
  }

  /** As the regions' actors have them after a recovery, snapshots included. */
  private async totals(): Promise<{ readonly risks: number; readonly cents: number }> {
    const { store } = this.marketplace!
    let risks = 0
    let cents = 0
    for (const region of REGIONS) {
      const accumulation = await recover<Accumulation>(store, risk as never, region)
      const premiumId = premiumIdOf(region, currentTariff.version)
      const premiums = await recover<PremiumTotals>(store, premium as never, premiumId)
      risks += accumulation.state.risks
      cents += premiums.state.ttcCents
    }
    return { risks, cents }
  }

  private submit(application: Application): void {
    const { applicationId } = application
    if (this.answers.has(applicationId) || this.asked.has(applicationId)) return
    this.asked.add(applicationId)
    const { marketplace } = this
    marketplace!.submit(application).then(
      result => {
        this.answers.set(applicationId, result.outcome)
      },
      () => {
        if (this.marketplace === marketplace) this.asked.delete(applicationId)
      },
    )
  }

  private async disaster(step: number): Promise<void> {
    this.nextDisaster = step + 2 + this.below(10)
    const root = this.marketplace!.root
    const context = ['risk', 'premium', 'underwriting'][this.below(3)]!
    const what = this.below(4)
    if (what === 0) this.abandon()
    else if (what === 1 && !this.down.has(context)) {
      this.down.set(context, step + this.below(30))
      // Stopping takes the time that writes take; meanwhile the world goes on.
      supervisorControl(root).terminateChild(context).catch(ignoreStopped)
    } else
      childRef<SupervisorMessage>(root, context)
        .then(ref => supervisorControl(ref).whichChildren())
        .then(children => (children[this.below(children.length)]?.ref as { kill(): void } | null)?.kill())
        .catch(ignoreStopped)
  }

  private async comeBack(step: number): Promise<void> {
    for (const [context, dueStep] of this.down) {
      if (dueStep > step) continue
      const { marketplace } = this
      const restarted = supervisorControl(marketplace!.root).restartChild(context).catch(ignoreStopped)
      const result = await this.within(restarted)
      if (this.marketplace !== marketplace) return
      if (result?.ok !== false || result.error !== 'start-failed') this.down.delete(context)
    }
  }

  /** As after `kill -9`: nothing of the old one is stopped, and its clock stands still for ever. */
  private abandon(): void {
    this.marketplace = null
    this.clock = new VirtualClock(this.clock.nowMs())
    this.asked.clear()
    this.down.clear()
  }

  private async isOpen(): Promise<void> {
    while (this.marketplace === null) {
      const { clock } = this
      const journal = new FaultyJournal(memoryJournal({ store: this.store }), operation =>
        this.faultOf(operation, clock),
      )
      try {
        const marketplace = await this.within(
          Marketplace.open({
            journal,
            mode: this.mode,
            logger: silentLogger,
            ports: { clock, random: this.random },
            snapshotEvery: 5,
            passivateAfterMs: 2_000,
            maxLivePerKind: 10,
          }),
        )
        this.marketplace = marketplace
        void marketplace.whenEnded.then(() => {
          if (this.marketplace === marketplace) this.abandon()
        })
      } catch {
        // A store that could not be read: the process would be started again.
        this.abandon()
      }
    }
  }

  private faultOf(operation: JournalOperation, clock: VirtualClock): Fault | null {
    if (clock !== this.clock) return null
    const dice = this.random.next()
    const wait = dice < 0.3 ? new Promise<void>(resolve => clock.after(this.below(40), resolve)) : Promise.resolve()
    if (this.random.next() >= this.faultRate) return dice < 0.3 ? { wait } : null
    // A start that cannot read ends the process as a whole; that is tried seldom enough to get anywhere.
    if (operation !== 'commit' && this.random.next() < 0.5) return null
    return { wait, fail: this.random.next() < 0.5 ? 'before' : 'after' }
  }

  private *log(): Iterable<StoredAppend> {
    for (const partition of this.store.partitions) yield* partition.log
  }

  private below(limit: number): number {
    return Math.floor(this.random.next() * limit)
  }

  private async pass(ms: number): Promise<void> {
    await turn()
    this.clock.advance(ms)
    await turn()
  }

  /** Lets time pass until the promise has settled. */
  private async within<Result>(promise: Promise<Result>): Promise<Result> {
    let settled = false
    const end = (): void => {
      settled = true
    }
    promise.then(end, end)
    const { clock } = this
    for (let step = 0; step < 10_000; step++) {
      await turn()
      if (settled) break
      clock.advance(20)
    }
    if (!settled) throw new Error('nothing has come of it in 200 s')
    return promise
  }
}

const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

const ignoreStopped = (error: { code?: string }): undefined => {
  if (error.code !== 'ACTOR_STOPPED' && error.code !== 'ACTOR_CRASHED' && error.code !== 'CHILD_NOT_FOUND') throw error
  return undefined
}

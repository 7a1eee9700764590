import { ok, strictEqual } from 'node:assert/strict'
import type { StoredAppend } from 'troupe'
import type { SimulatedStore } from 'troupe/testkit'
import type { Application } from '../../actors/index.ts'
import { Marketplace as FaultFree } from '../actors/marketplace.ts'

const STATUS_OF: Readonly<Record<string, string>> = {
  QuoteGenerated: 'quoted',
  ApplicationDeclined: 'declined',
  ApplicationReferred: 'referred',
}

const STEPS = ['ApplicationSubmitted', 'RiskAssessed', 'PremiumRateCalculated', 'outcome']

/** What a simulated store's log says of applications, read on from where it was read to. */
export class MarketplaceLog {
  /** Outcomes by application. */
  readonly outcomes = new Map<string, { readonly status: string; readonly ttcCents: number }>()
  private readonly counts = new Map<string, number>()
  private readonly store: SimulatedStore
  private readonly positions: number[]
  private readonly sequenceNrs = new Map<string, number>()
  private records = 0

  constructor(store: SimulatedStore) {
    this.store = store
    this.positions = new Array(store.partitions).fill(0)
  }

  /** Takes in what is new. Throws where positions or sequence numbers have a gap or a double. */
  readOn(): void {
    if (this.records === this.store.records) return
    for (let partition = 0; partition < this.store.partitions; partition++)
      for (const append of this.store.logFrom(partition, (this.positions[partition] as number) + 1)) this.take(append)
    this.records = this.store.records
  }

  /** Every application ends in exactly one outcome, the one that it has where nothing fails, for the same premium. */
  checkAgainstFaultFree(applications: readonly Application[], mode: 'choreography' | 'orchestration'): number {
    this.readOn()
    const faultFree = new FaultFree(mode)
    let ttcCents = 0
    for (const application of applications) {
      const { applicationId } = application
      const expected = faultFree.submit(application)
      for (const step of STEPS) {
        const count = this.counts.get(`${step} ${applicationId}`) ?? 0
        strictEqual(count, 1, `${applicationId}: ${step} is there ${count} times`)
      }
      const { status, ttcCents: cents } = this.outcomes.get(applicationId) as { status: string; ttcCents: number }
      strictEqual(status, expected.status, `${applicationId}: ${status}, where nothing fails ${expected.status}`)
      strictEqual(cents, expected.rate?.ttcCents, `${applicationId}: ${cents} cents`)
      ttcCents += cents
    }
    return ttcCents
  }

  private take(append: StoredAppend): void {
    const { partition, persistenceId, position, expectedSequenceNr, records } = append
    strictEqual(position, (this.positions[partition] as number) + 1, `partition ${partition}: a gap before ${position}`)
    strictEqual(expectedSequenceNr, this.sequenceNrs.get(persistenceId) ?? 0, `${persistenceId}: a gap in its numbers`)
    this.positions[partition] = position + records.length - 1
    this.sequenceNrs.set(persistenceId, expectedSequenceNr + records.length)
    for (const { kind, type, payload } of records) {
      const { applicationId, ttcCents } = payload as { readonly applicationId?: string; readonly ttcCents?: number }
      if (kind !== 'event' || applicationId === undefined) continue
      const status = STATUS_OF[type]
      if (status !== undefined) {
        ok(ttcCents !== undefined, `${applicationId}: an outcome without a premium`)
        this.outcomes.set(applicationId, { status, ttcCents })
      }
      const key = `${status === undefined ? type : 'outcome'} ${applicationId}`
      this.counts.set(key, (this.counts.get(key) ?? 0) + 1)
    }
  }
}

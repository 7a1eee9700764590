import { type EventStore, type Follower, RuntimeError, type StoredAppend } from 'troupe'
import type { ApplicationWithdrawn, OutcomeEvent } from '../actors/index.ts'

/** What ends the wait for an outcome. */
type AnyOutcome = OutcomeEvent | ApplicationWithdrawn

const OUTCOMES: ReadonlySet<string> = new Set<AnyOutcome['type']>([
  'QuoteGenerated',
  'ApplicationDeclined',
  'ApplicationReferred',
  'ApplicationWithdrawn',
])

/** Whoever waits for an application's outcome learns it from the log, as soon as it is durable there. */
export class OutcomeWatch implements Follower {
  private readonly waiting = new Map<string, OutcomeWait[]>()
  private readonly unfollow: readonly (() => void)[]
  private closed: RuntimeError | null = null

  constructor(store: EventStore) {
    this.unfollow = Array.from({ length: store.journal.partitions }, (_, partition) => store.follow(partition, this))
  }

  /** Begins to wait for the application's next outcome. To be ended by whoever began it. */
  begin(applicationId: string): OutcomeWait {
    const wait = new OutcomeWait()
    if (this.closed !== null) wait.learn(this.closed)
    const others = this.waiting.get(applicationId)
    if (others === undefined) this.waiting.set(applicationId, [wait])
    else others.push(wait)
    return wait
  }

  end(applicationId: string, wait: OutcomeWait): void {
    const left = this.waiting.get(applicationId)?.filter(other => other !== wait) ?? []
    if (left.length === 0) this.waiting.delete(applicationId)
    else this.waiting.set(applicationId, left)
  }

  committed(appends: readonly StoredAppend[]): void {
    for (const append of appends)
      for (const { kind, type, payload } of append.records)
        if (kind === 'event' && OUTCOMES.has(type)) this.tell(payload as AnyOutcome)
  }

  /** No outcome will be heard of any more: every wait fails with ACTOR_STOPPED. */
  close(): void {
    for (const end of this.unfollow) end()
    this.closed = new RuntimeError(
      'ACTOR_STOPPED',
      'the marketplace stopped before the outcome was there. What was submitted is stored and goes on at the next start.',
    )
    for (const waits of this.waiting.values()) for (const wait of waits) wait.learn(this.closed)
  }

  private tell(outcome: AnyOutcome): void {
    const waits = this.waiting.get(outcome.applicationId)
    if (waits !== undefined) for (const wait of waits) wait.learn(outcome)
  }
}

/** The first thing that is learnt counts, whether somebody asked for it before or asks after. */
export class OutcomeWait {
  private learnt: AnyOutcome | RuntimeError | null = null
  private settle: (() => void) | null = null

  learn(outcome: AnyOutcome | RuntimeError): void {
    if (this.learnt !== null) return
    this.learnt = outcome
    this.settle?.()
  }

  /** **Errors**: ACTOR_STOPPED. */
  outcome(): Promise<AnyOutcome> {
    return new Promise((resolve, reject) => {
      this.settle = () => {
        if (this.learnt instanceof Error) reject(this.learnt)
        else if (this.learnt !== null) resolve(this.learnt)
      }
      this.settle()
    })
  }
}

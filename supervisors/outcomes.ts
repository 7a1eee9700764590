import type { EventStore, Follower, StoredAppend } from 'troupe'
import type { OutcomeEvent } from '../actors/index.ts'

const OUTCOMES: ReadonlySet<string> = new Set<OutcomeEvent['type']>([
  'QuoteGenerated',
  'ApplicationDeclined',
  'ApplicationReferred',
])

/** Whoever waits for an application's outcome learns it from the log, as soon as it is durable there. */
export class OutcomeWatch implements Follower {
  private readonly waiting = new Map<string, ((outcome: OutcomeEvent) => void)[]>()
  private readonly unfollow: readonly (() => void)[]

  constructor(store: EventStore) {
    this.unfollow = Array.from({ length: store.journal.partitions }, (_, partition) => store.follow(partition, this))
  }

  /** Calls `learn` once with the application's next outcome; the function that comes back ends the wait. */
  wait(applicationId: string, learn: (outcome: OutcomeEvent) => void): () => void {
    const others = this.waiting.get(applicationId)
    if (others === undefined) this.waiting.set(applicationId, [learn])
    else others.push(learn)
    return () => {
      const left = this.waiting.get(applicationId)?.filter(other => other !== learn) ?? []
      if (left.length === 0) this.waiting.delete(applicationId)
      else this.waiting.set(applicationId, left)
    }
  }

  committed(appends: readonly StoredAppend[]): void {
    for (const append of appends)
      for (const { kind, type, payload } of append.records)
        if (kind === 'event' && OUTCOMES.has(type)) this.tell(payload as OutcomeEvent)
  }

  close(): void {
    for (const end of this.unfollow) end()
  }

  private tell(outcome: OutcomeEvent): void {
    const waiting = this.waiting.get(outcome.applicationId)
    if (waiting === undefined) return
    this.waiting.delete(outcome.applicationId)
    for (const learn of waiting) learn(outcome)
  }
}

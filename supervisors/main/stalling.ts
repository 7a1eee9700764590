import type { Cancel, Clock } from 'troupe'
import type { ParkedMessage } from 'troupe/messaging'
import type { Marketplace } from '../marketplace.ts'
import type { Tally } from './tally.ts'

/** Applications wait for messages that are parked, and nothing else is left to wait for. */
export class StalledError extends Error {
  override readonly name = 'StalledError'
}

const INTERVAL_MS = 5_000
const NAMED_MAX = 5

/**
 * Watches a run until `end`. `stalled` rejects with StalledError when no application has ended for five seconds and
 * messages are parked: those that wait for them would wait for ever. Slowness alone is no stall.
 */
export class StallWatch {
  readonly stalled: Promise<never>
  private readonly marketplace: Marketplace
  private readonly tally: Tally
  private readonly clock: Clock
  private seen = -1
  private cancel: Cancel = () => undefined
  private ended = false

  constructor(marketplace: Marketplace, tally: Tally, clock: Clock) {
    this.marketplace = marketplace
    this.tally = tally
    this.clock = clock
    this.stalled = new Promise((_, reject) => this.lookLater(reject))
  }

  end(): void {
    this.ended = true
    this.cancel()
  }

  private lookLater(reject: (error: StalledError) => void): void {
    this.seen = this.tally.applications
    this.cancel = this.clock.after(INTERVAL_MS, () => void this.look(reject))
  }

  private async look(reject: (error: StalledError) => void): Promise<void> {
    const parked = this.tally.applications === this.seen ? await parkedIn(this.marketplace) : []
    if (this.ended) return
    if (parked.length > 0) reject(new StalledError(textOf(parked)))
    else this.lookLater(reject)
  }
}

const parkedIn = async (marketplace: Marketplace): Promise<readonly ParkedMessage[]> => {
  // A bridge that is being restarted does not answer, and is asked again the next time.
  const answers = await Promise.allSettled(marketplace.bridges.map(bridge => bridge.parked()))
  return answers.flatMap(answer => (answer.status === 'fulfilled' ? answer.value : []))
}

const textOf = (parked: readonly ParkedMessage[]): string => {
  const lines = parked
    .slice(0, NAMED_MAX)
    .map(({ type, key, error }) => `\n  ${type} of ${key}: ${error ?? 'behind an earlier one'}`)
  const rest = parked.length > NAMED_MAX ? `\n  and ${parked.length - NAMED_MAX} more` : ''
  return (
    `${parked.length} ${parked.length === 1 ? 'message is' : 'messages are'} parked after repeated failures, and applications wait. ` +
    `All else is stored; replay them through their bridge once the cause is gone.${lines.join('')}${rest}`
  )
}

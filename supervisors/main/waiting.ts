import { type Clock, isRuntimeError } from 'troupe'
import type { ParkedMessage } from 'troupe/messaging'
import type { Application } from '../../actors/index.ts'
import type { SubmitResult } from '../answers.ts'
import type { Marketplace } from '../marketplace.ts'

const NAMED_MAX = 5
/** How long the bridges have to say what is parked. Units: ms. */
const PARKED_MS = 1_000

/** What a run waits for, and what it gave up: to be said when it takes long, and when it is to end. */
export class Waiting {
  /** What the run as a whole is at. */
  stage = 'the store to open'
  /** One line for each application whose own record cannot be read. */
  readonly unfinished: string[] = []
  private readonly clock: Clock
  private readonly underWay = new Map<string, number>()
  private marketplace: Marketplace | null = null

  constructor(clock: Clock) {
    this.clock = clock
  }

  begins(marketplace: Marketplace): void {
    this.marketplace = marketplace
  }

  /** Submitted, and without an outcome. */
  get applications(): number {
    return this.underWay.size
  }

  /**
   * Submits to the marketplace that has begun. Null: the application cannot be finished, which is noted, and others can.
   * **Errors**: those of `Marketplace.submit`, but for RECOVERY_FAILED.
   */
  async submit(application: Application): Promise<SubmitResult | null> {
    const { applicationId } = application
    this.underWay.set(applicationId, (this.underWay.get(applicationId) ?? 0) + 1)
    try {
      return await this.marketplace!.submit(application)
    } catch (error) {
      if (!isRuntimeError(error, 'RECOVERY_FAILED')) throw error
      this.unfinished.push(`${applicationId}: ${error.message}`)
      return null
    } finally {
      const others = this.underWay.get(applicationId)! - 1
      if (others === 0) this.underWay.delete(applicationId)
      else this.underWay.set(applicationId, others)
    }
  }

  /** In one line: the applications that are under way, or else what the run is at. */
  brief(): string {
    const { size } = this.underWay
    if (size === 0) return `it waits for ${this.stage}`
    return `it waits for ${plural(size, 'application')}: ${named([...this.underWay.keys()], ', ')}`
  }

  /** The same with what is parked, where the bridges say so in time. */
  async text(): Promise<string> {
    const parked = await this.parked()
    return parked.length === 0 ? this.brief() : `${this.brief()}; ${parkedText(parked)}`
  }

  /** What is parked. A bridge that is being restarted does not answer, and is asked again the next time. */
  async parked(): Promise<readonly ParkedMessage[]> {
    const bridges = this.marketplace?.bridges ?? []
    const parked: ParkedMessage[] = []
    const asked = Promise.allSettled(bridges.map(async bridge => parked.push(...(await bridge.parked()))))
    let cancel = (): void => undefined
    const late = new Promise<void>(resolve => {
      cancel = this.clock.after(PARKED_MS, resolve)
    })
    await Promise.race([asked, late])
    cancel()
    return [...parked]
  }
}

export const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

/** The first few, and how many there are beside them. */
export const named = (texts: readonly string[], separator: string): string => {
  const rest = texts.length - NAMED_MAX
  return texts.slice(0, NAMED_MAX).join(separator) + (rest > 0 ? `${separator}and ${rest} more` : '')
}

export const parkedText = (parked: readonly ParkedMessage[]): string => {
  const lines = parked.map(({ type, key, error }) => `${type} of ${key}: ${error ?? 'behind an earlier one'}`)
  return (
    `${plural(parked.length, 'message')} ${parked.length === 1 ? 'is' : 'are'} parked after repeated failures. All else ` +
    `is stored; replay them through their bridge once the cause is gone.\n  ${named(lines, '\n  ')}`
  )
}

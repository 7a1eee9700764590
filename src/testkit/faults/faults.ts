import { type Random, seededRandom } from '../../base/ports.ts'
import type { Fault, FaultPlan } from './fault.ts'

/** An operation by name, or any. */
export type Target<Operation extends string> = Operation | '*'

interface Rule {
  readonly target: string
  readonly fault: Fault
  /** Operations to let pass first. */
  skip: number
  /** Operations that it is still for; infinite for those that chance decides about. */
  left: number
  readonly probability: number
}

/**
 * A plan of faults, to be given to the wrappers of journals, sources, clocks and actors. The rule that was added first is
 * asked first, and one operation has one fault.
 *
 *     const faults = new Faults<JournalOperation>({ seed: 7 })
 *     faults.next('commit', { fail: 'after' }, 2)
 *     faults.sometimes('readLog', { delayMs: 40 }, 0.1)
 *     const journal = new FaultyJournal(inner, faults.plan)
 */
export class Faults<Operation extends string = string> {
  /** Injected so far, by operation. */
  readonly injected = new Map<Operation, number>()
  private readonly random: Random
  private rules: Rule[] = []

  constructor({ seed = 1, random = seededRandom(seed) }: { readonly seed?: number; readonly random?: Random } = {}) {
    this.random = random
  }

  /** What a wrapper asks. */
  readonly plan: FaultPlan<Operation> = operation => this.faultOf(operation)

  /** The next `count` operations of that name; infinite: all from now on. **Errors**: RangeError for a count that is none. */
  next(target: Target<Operation>, fault: Fault, count = 1): this {
    return this.add(target, fault, 0, count, 1)
  }

  /** The `nr`-th operation of that name from now, counted from 1: walk it up to fail at every step in turn. */
  nth(target: Target<Operation>, nr: number, fault: Fault): this {
    if (!(Number.isSafeInteger(nr) && nr >= 1)) throw new RangeError(`an operation's number is 1 or more, not ${nr}`)
    return this.add(target, fault, nr - 1, 1, 1)
  }

  /** Each operation of that name with a probability, until `clear`. **Errors**: RangeError. */
  sometimes(target: Target<Operation>, fault: Fault, probability: number): this {
    if (!(probability >= 0 && probability <= 1)) throw new RangeError(`a probability is 0 to 1, not ${probability}`)
    return this.add(target, fault, 0, Number.POSITIVE_INFINITY, probability)
  }

  /** From now on all goes well. */
  clear(): void {
    this.rules = []
  }

  private add(target: string, fault: Fault, skip: number, left: number, probability: number): this {
    if (!(left >= 1 && (Number.isSafeInteger(left) || left === Number.POSITIVE_INFINITY)))
      throw new RangeError(`a number of operations is whole and 1 or more, not ${left}`)
    this.rules.push({ target, fault, skip, left, probability })
    return this
  }

  private faultOf(operation: Operation): Fault | null {
    let found: Rule | null = null
    for (const rule of this.rules) {
      if (rule.target !== '*' && rule.target !== operation) continue
      if (rule.skip > 0) rule.skip--
      else if (found === null && (rule.probability === 1 || this.random.next() < rule.probability)) found = rule
    }
    if (found === null) return null
    if (--found.left === 0) this.rules = this.rules.filter(rule => rule !== found)
    this.injected.set(operation, (this.injected.get(operation) ?? 0) + 1)
    return found.fault
  }
}

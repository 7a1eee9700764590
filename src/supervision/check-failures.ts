import type { Behavior } from '../kernel/behavior.ts'
import type { RestartBackoff } from './backoff.ts'
import type { Decider } from './failure-policy.ts'
import { checkFields, SpecificationError, show } from './specification-error.ts'

/** What a supervisor or a child says about its failures. **Errors**: CHILD_SPEC_INVALID. */
export const checkFailures = (
  childId: string | null,
  backoff: RestartBackoff | null,
  decider: Decider | null,
): void => {
  if (backoff !== null) checkFields(childId, 'backoff', backoff, ['minMs', 'maxMs', 'jitter', 'resetAfterMs'])
  const wrong = backoff === null ? null : checkBackoff(backoff)
  if (wrong !== null) throw new SpecificationError(childId, `backoff.${wrong.field}`, 'value', wrong.text)
  if (decider !== null && typeof decider !== 'function')
    throw new SpecificationError(childId, 'decider', 'value', `must be a function, not ${show(decider)}`)
}

interface Redelivering {
  readonly start: Behavior<never>
  readonly redeliver?: { readonly attempts: number }
}

/** How often a message that crashes the child is handled. **Errors**: CHILD_SPEC_INVALID. */
export const attemptsOf = (id: string, { redeliver, start }: Redelivering): number => {
  if (redeliver === undefined) return 1
  checkFields(id, 'redeliver', redeliver, ['attempts'])
  const { attempts } = redeliver
  if (!Number.isSafeInteger(attempts) || attempts < 1)
    throw new SpecificationError(
      id,
      'redeliver.attempts',
      'value',
      `must be a whole number of at least 1, not ${show(attempts)}`,
    )
  if (start.isRuntimes)
    throw new SpecificationError(
      id,
      'redeliver',
      'combination',
      'must be left out for an actor of the runtime itself, such as a supervisor',
    )
  return attempts
}

/** What is wrong with a backoff; null: nothing. */
const checkBackoff = (backoff: RestartBackoff): { readonly field: string; readonly text: string } | null => {
  const { minMs = 100, maxMs = 10_000, jitter = 0.2, resetAfterMs = 2 * maxMs } = backoff
  if (!(minMs > 0 && minMs < Number.POSITIVE_INFINITY)) return wrong('minMs', 'a number of ms above 0', minMs)
  if (!(maxMs >= minMs && maxMs < Number.POSITIVE_INFINITY)) return wrong('maxMs', `at least minMs, ${minMs}`, maxMs)
  if (!(jitter >= 0 && jitter <= 1)) return wrong('jitter', 'a share from 0 to 1', jitter)
  if (!(resetAfterMs > 0)) return wrong('resetAfterMs', 'a number of ms above 0', resetAfterMs)
  return null
}

const wrong = (field: string, mustBe: string, value: unknown) => ({
  field,
  text: `must be ${mustBe}, not ${String(value)}`,
})

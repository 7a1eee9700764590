import type { RestartBackoff } from './backoff.ts'

/** What is wrong with a backoff; null: nothing. */
export const checkBackoff = (backoff: RestartBackoff): { readonly field: string; readonly text: string } | null => {
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

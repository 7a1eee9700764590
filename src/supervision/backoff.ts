import type { Random } from '../base/ports.ts'

/** Waits that double, from `minMs` to `maxMs`, less a share by chance. */
export interface Backoff {
  /** Wait after the first failure. Units: ms. Default: 100. */
  readonly minMs?: number
  /** Longest wait. Units: ms. Default: 10,000. */
  readonly maxMs?: number
  /** The share of a wait that chance may take off, from 0 to 1. Default: 0.2. */
  readonly jitter?: number
}

/** The waits of what is restarted, and when they begin again. **Errors**: CHILD_SPEC_INVALID, which names the field. */
export interface RestartBackoff extends Backoff {
  /** What ran for so long before it failed begins again with `minMs`. Units: ms. Default: twice `maxMs`. */
  readonly resetAfterMs?: number
}

/**
 * How long to wait after the `failures`-th failure in a row (from 1): doubles from `minMs` to `maxMs`, less up to a fifth
 * by chance, so that what failed together does not come back together.
 */
export const backoffMs = (
  failures: number,
  random: Random,
  { minMs = 100, maxMs = 10_000, jitter = 0.2 }: Backoff = {},
): number => Math.min(maxMs, minMs * 2 ** Math.min(30, failures - 1)) * (1 - jitter * random.next())

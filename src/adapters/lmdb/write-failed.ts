/** What LMDB throws and rejects with, as errors of ours. */

import { RuntimeError, toError } from '../../base/errors.ts'
import { type Cancel, systemClock } from '../../base/ports.ts'
import { corrupt } from '../codec/frame.ts'

const REASON_WITHIN_MS = 100

/** A write that LMDB did not commit. lmdb-js rejects with a general error and says the reason in a promise of its own. */
export const writeFailed = async (name: string, error: Error): Promise<RuntimeError> => {
  const said = (error as { readonly commitError?: Promise<unknown> }).commitError?.catch(toError)
  // Where one failure ends several transactions, the promise of the later ones may stay open.
  let cancel: Cancel | null = null
  const tooLate = new Promise<Error>(resolve => {
    cancel = systemClock.after(REASON_WITHIN_MS, () => resolve(error))
  })
  const cause = toError((await Promise.race([said ?? error, tooLate])) ?? error)
  ;(cancel as Cancel | null)?.()
  return new RuntimeError(
    'JOURNAL_UNAVAILABLE',
    `${name}: the write failed and nothing of it is stored (${cause.message}). ` +
      'Look for a full or failing disk; the same write may be tried again.',
    { cause, retryable: true },
  )
}

/** LMDB's own codes for what it finds wrong in a file, and for a transaction that met such a thing before. */
const DAMAGE: ReadonlySet<number> = new Set([-30_780, -30_782, -30_784, -30_793, -30_794, -30_795, -30_796, -30_797])

/** What LMDB met while it opened or read a file. */
export const unreadable = (where: string, thrown: unknown): RuntimeError => {
  const error = toError(thrown)
  const { code } = error as { readonly code?: unknown }
  // What is no error of the system's comes from bytes that make no sense, such as a key that is too short.
  const damaged =
    code === undefined || typeof code === 'string' ? error instanceof RangeError : DAMAGE.has(code as number)
  if (damaged) return corrupt(`${where}: the file is damaged (${error.message})`, error)
  return new RuntimeError(
    'JOURNAL_UNAVAILABLE',
    `${where}: LMDB cannot read it (${error.message}). Look for a failing disk, or a folder that this user may not use.`,
    { cause: error },
  )
}

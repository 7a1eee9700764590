import { RuntimeError } from '../base/errors.ts'
import type { Build } from './view-store.ts'

/** Errors that every store of views gives in the same words. */

export const viewGone = ({ view, number }: Build): RuntimeError =>
  new RuntimeError(
    'VIEW_GONE',
    `view ${view}: build ${number} was replaced by a later one. Ask for its builds again.`,
    {
      retryable: true,
    },
  )

export const viewConflict = ({ view }: Build, partition: number, expected: number, actual: number): RuntimeError =>
  new RuntimeError(
    'VIEW_CONFLICT',
    `view ${view}: a write builds on position ${expected} of partition ${partition}, and the view is at ${actual}. ` +
      'Another process projects it too: read the offsets again.',
    { retryable: true },
  )

export const viewsClosed = (name: string): RuntimeError =>
  new RuntimeError('JOURNAL_CLOSED', `${name} has been closed, or was not opened`)

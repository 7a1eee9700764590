import { RuntimeError } from '../base/errors.ts'

/** Of a journal's errors those that say that nothing was written; all others leave the outcome open. */
const NOTHING_WRITTEN: ReadonlySet<string> = new Set([
  'JOURNAL_SEQUENCE_CONFLICT',
  'JOURNAL_FENCED',
  'JOURNAL_CLOSED',
  'JOURNAL_FULL',
  'JOURNAL_TOMBSTONED',
])

/**
 * What a caller is told of a command whose append failed. WRITE_REJECTED: nothing of it is stored, and it may be sent
 * again. WRITE_UNCERTAIN: it may be stored, so that its sender has to look before it sends it again.
 */
export const writeFailed = (persistenceId: string, error: RuntimeError): RuntimeError => {
  if (error.code === 'WRITE_REJECTED') return error
  return NOTHING_WRITTEN.has(error.code)
    ? writeRejected(persistenceId, error)
    : new RuntimeError(
        'WRITE_UNCERTAIN',
        `${persistenceId}: whether this command's events are stored is not known: ${error.message} ` +
          'Read the state before sending it again, or send what may come twice.',
        { cause: error },
      )
}

/** The same for a command that was not sent to the journal, or stores nothing: whatever happened before it. */
export const writeRejected = (persistenceId: string, error: RuntimeError): RuntimeError =>
  new RuntimeError('WRITE_REJECTED', `${persistenceId}: nothing of this command is stored: ${error.message}`, {
    cause: error,
    retryable: error.retryable,
  })

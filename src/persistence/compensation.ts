import { RuntimeError, shown } from '../base/errors.ts'
import { type Journal, type NewRecord, recordId } from './journal.ts'

/**
 * Why `records` cannot compensate for that event; null: they can. It walks the entity's log, once a compensation: those
 * are rare, and an index of all events for them would cost every append. **Errors**: those of the journal.
 */
export const whyNoCompensation = async (
  journal: Journal,
  persistenceId: string,
  eventId: unknown,
  records: readonly NewRecord[],
): Promise<RuntimeError | null> => {
  if (!records.some(({ kind }) => kind === 'event'))
    return invalid(`${persistenceId}: nothing compensates for ${shown(eventId)}: decide at least one event`)
  for await (const append of journal.read(persistenceId, 1))
    for (let i = 0; i < append.records.length; i++)
      if (append.records[i]!.kind === 'event' && recordId(append, i) === eventId) return null
  return invalid(
    `${persistenceId} has no event ${shown(eventId)} to compensate for. Take its eventId from \`history\` of this entity.`,
  )
}

const invalid = (text: string): RuntimeError => new RuntimeError('COMPENSATION_INVALID', text)

/** Everything that a store holds, read as anybody may, and what must hold of it whatever happened to its writers. */

import type { Journal, StoredAppend } from 'troupe'
import { expect } from 'vitest'

export interface LogRecord {
  readonly id: string
  readonly partition: number
  readonly position: number
  readonly persistenceId: string
  readonly sequenceNr: number
  readonly kind: 'event' | 'command'
  readonly type: string
  readonly payload: { readonly applicationId?: string } & Record<string, unknown>
  readonly append: StoredAppend
}

/** All records, partition by partition, in the order of their positions. */
export const recordsOf = async (journal: Journal): Promise<readonly LogRecord[]> => {
  const records: LogRecord[] = []
  for (let partition = 0; partition < journal.partitions; partition++)
    for (let next = 1; ; ) {
      const page = await journal.readLog(partition, next, 4_096)
      for (const append of page) {
        for (const [index, { kind, type, payload }] of append.records.entries())
          records.push({
            id: `${append.appendId}.${index}`,
            partition,
            position: append.position + index,
            persistenceId: append.persistenceId,
            sequenceNr: append.expectedSequenceNr + index + 1,
            kind,
            type,
            payload: payload as LogRecord['payload'],
            append,
          })
        next = append.position + append.records.length
      }
      if (page.length === 0) break
    }
  return records
}

const OUTCOMES = ['QuoteGenerated', 'ApplicationDeclined', 'ApplicationReferred']

/** How many records of a type there are for each application. */
export const perApplication = (records: readonly LogRecord[], ...types: readonly string[]): Map<string, number> => {
  const counts = new Map<string, number>()
  for (const { type, payload } of records)
    if (types.includes(type) && payload.applicationId !== undefined)
      counts.set(payload.applicationId, (counts.get(payload.applicationId) ?? 0) + 1)
  return counts
}

/**
 * Positions and sequence numbers have no gap and no double, record ids are unique, and each of the `applications` was
 * submitted, assessed, rated and decided exactly once.
 */
export const expectWholeLog = (records: readonly LogRecord[], applications: readonly string[]): void => {
  const positions = new Map<number, number>()
  const sequenceNrs = new Map<string, number>()
  for (const { partition, position, persistenceId, sequenceNr } of records) {
    if (position !== (positions.get(partition) ?? 0) + 1)
      expect.fail(`partition ${partition}: ${position} follows ${positions.get(partition) ?? 0}`)
    if (sequenceNr !== (sequenceNrs.get(persistenceId) ?? 0) + 1)
      expect.fail(`${persistenceId}: ${sequenceNr} follows ${sequenceNrs.get(persistenceId) ?? 0}`)
    positions.set(partition, position)
    sequenceNrs.set(persistenceId, sequenceNr)
  }
  expect(new Set(records.map(({ id }) => id)).size).toBe(records.length)
  for (const types of [['ApplicationSubmitted'], ['RiskAssessed'], ['PremiumRateCalculated'], OUTCOMES]) {
    const counts = perApplication(records, ...types)
    const wrong = applications.filter(id => counts.get(id) !== 1)
    expect(wrong.slice(0, 5), `not exactly one ${types.join(' or ')}`).toEqual([])
    expect(counts.size, types.join(' or ')).toBe(applications.length)
  }
}

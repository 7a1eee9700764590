import { RuntimeError, toError } from '../base/errors.ts'
import { type NewRecord, recordId, type StoredAppend } from '../persistence/journal.ts'
import { checkStorable } from '../persistence/storable.ts'
import { checkKey, entryOf } from './entries.ts'
import type { Change, EventAbout, ProjectionDefinition } from './projection.ts'
import type { RowChange } from './view-store.ts'

export type AnyProjection = ProjectionDefinition<{ readonly type: string }, object>

/** Reads the present rows of keys. */
export type ReadRows = (keys: readonly string[]) => Promise<readonly unknown[]>

/** `bytes`: of the row, at most. */
export type FoldedChange = RowChange & { readonly bytes: number }

/**
 * What a page of the log changes in a view: one change a row, as its events in order make it. **Errors**: PROJECTION_FAILED
 * where `project` or a change throws, or gives what is no row, naming the event; those of `readRows`.
 */
export const fold = async (
  definition: AnyProjection,
  appends: readonly StoredAppend[],
  readRows: ReadRows,
): Promise<readonly FoldedChange[]> => {
  const changes = projected(definition, appends)
  const rows = new Map<string, unknown>()
  const needed = [...new Set(changes.filter(({ change }) => change.type === 'update').map(({ change }) => change.key))]
  if (needed.length > 0) {
    const present = await readRows(needed)
    needed.forEach((key, i) => {
      rows.set(key, present[i] ?? null)
    })
  }
  const changed = new Map<string, FoldedChange>()
  for (const { change, about } of changes)
    try {
      const row = rowAfter(change, rows.get(change.key) ?? null)
      rows.set(change.key, row)
      const bytes = row === null ? 0 : checkStorable(row)
      changed.set(change.key, { key: change.key, row, entries: entriesOf(definition, change.key, row), bytes })
    } catch (thrown) {
      throw failed(definition, about, thrown)
    }
  return [...changed.values()]
}

interface Projected {
  readonly change: Change<object>
  readonly about: EventAbout
}

const projected = (definition: AnyProjection, appends: readonly StoredAppend[]): readonly Projected[] => {
  const changes: Projected[] = []
  for (const append of appends) {
    const separator = append.persistenceId.indexOf('|')
    const kind = append.persistenceId.slice(0, separator)
    if (definition.kinds !== undefined && !definition.kinds.includes(kind)) continue
    for (let i = 0; i < append.records.length; i++) {
      const record = append.records[i]!
      const taken = record.kind === 'event' ? definition.events : (definition.commands ?? NONE)
      if (!taken.includes(record.type)) continue
      const about = aboutOf(append, i, kind, append.persistenceId.slice(separator + 1))
      try {
        for (const event of eventsOf(definition, record, about))
          for (const change of definition.project(event, about)) {
            checkKey(change.key)
            changes.push({ change, about })
          }
      } catch (thrown) {
        throw failed(definition, about, thrown)
      }
    }
  }
  return changes
}

const NONE: readonly string[] = []

/** As the schema reads it, which may be several or none. A command is taken as it was sent. */
const eventsOf = (
  { schema }: AnyProjection,
  record: NewRecord,
  { kind, id, sequenceNr }: EventAbout,
): readonly { readonly type: string }[] =>
  schema === undefined || record.kind === 'command'
    ? [record.payload as { readonly type: string }]
    : (schema.read(record, `${kind}|${id}, event ${sequenceNr}`) as readonly { readonly type: string }[])

const aboutOf = (append: StoredAppend, index: number, kind: string, id: string): EventAbout => ({
  record: append.records[index]!.kind,
  type: append.records[index]!.type,
  partition: append.partition,
  position: append.position + index,
  kind,
  id,
  eventId: recordId(append, index),
  sequenceNr: append.expectedSequenceNr + index + 1,
  timeMs: append.timeMs,
  causationId: append.causationId,
  correlationId: append.correlationId,
  principal: append.principal,
  source: append.handled?.source ?? null,
})

const rowAfter = (change: Change<object>, before: unknown): object | null => {
  switch (change.type) {
    case 'put':
      return change.row
    case 'remove':
      return null
    case 'update':
      return change.change(before as object | null)
  }
}

const entriesOf = (definition: AnyProjection, key: string, row: object | null): readonly string[] => {
  if (row === null) return []
  const entries: string[] = []
  for (const [index, keyOf] of Object.entries(definition.indexes ?? {})) {
    const indexKey = keyOf(row, key)
    if (indexKey !== null) entries.push(entryOf(index, indexKey, key))
  }
  return entries
}

const failed = (definition: AnyProjection, about: EventAbout, thrown: unknown): RuntimeError => {
  const cause = toError(thrown)
  return new RuntimeError(
    'PROJECTION_FAILED',
    `projection ${definition.name} failed on event ${about.eventId} (${about.kind}|${about.id}, position ` +
      `${about.position} of partition ${about.partition}): ${cause.message}. It stands before that event.`,
    { cause },
  )
}

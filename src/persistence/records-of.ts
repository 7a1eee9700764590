import { isRuntimeError, RuntimeError, shown } from '../base/errors.ts'
import type { EventSchema } from './event-schema.ts'
import type { Decision } from './event-sourced.ts'
import type { NewRecord } from './journal.ts'
import { checkStorable } from './storable.ts'

/** Longest type of an event and address of a command. Units: UTF-16 code units. */
export const RECORD_TYPE_MAX = 256

const NOTHING: readonly NewRecord[] = []
const isEnumerable = Object.prototype.propertyIsEnumerable

/**
 * What a decision has stored: its events, then what it sends. Everything that could not be packed is found here, where it
 * concerns one command, and not in a commit that many actors share.
 * **Errors**: EVENT_NOT_STORABLE and EVENT_TOO_LARGE, a refusal; DECISION_INVALID for what is no decision or has a key that
 * none has, and for an event that the schema does not name, a bug.
 */
export const recordsOf = (
  decision: Decision<{ readonly type: string }, unknown>,
  schema: EventSchema | null = null,
): readonly NewRecord[] => {
  if (typeof decision !== 'object' || decision === null || decision instanceof Promise || Array.isArray(decision))
    throw invalid('decide must give { events?, reply?, send? }, at once, not as a promise and not as an array')
  // Looked at key by key, and without a list of them: the text is made for errors alone.
  for (const key in decision) if (!isDecisionKey(key)) throw invalid(unknownKey(key))
  const { events, send } = decision
  if (events !== undefined && !Array.isArray(events)) throw invalid('events must be an array')
  if (send !== undefined && !Array.isArray(send)) throw invalid('send must be an array')
  const eventCount = events === undefined ? 0 : events.length
  const sendCount = send === undefined ? 0 : send.length
  if (eventCount + sendCount === 0) return NOTHING
  // Of its final size: what is pushed onto an empty array gets 17 slots, and eight appends a quote wait at once.
  const records: NewRecord[] = new Array(eventCount + sendCount)
  for (let i = 0; i < eventCount; i++) {
    const event = events![i]
    checkStorable(event)
    if (event === null || !isEnumerable.call(event, 'type') || !isRecordType(event.type)) throw noType('event', event)
    records[i] = { kind: 'event', type: event.type, version: versionOf(event.type, schema), payload: event }
  }
  for (let i = 0; i < sendCount; i++) {
    const outgoing = send![i]
    if (!isRecordType(outgoing?.to)) throw noType('sent message', outgoing)
    checkStorable(outgoing.command)
    records[eventCount + i] = { kind: 'command', type: outgoing.to, version: 1, payload: outgoing.command }
  }
  return records
}

/** Whether `thrown` says that what was decided cannot be stored: then nothing has happened, and nobody has to crash. */
export const isRefusal = (thrown: unknown): thrown is RuntimeError =>
  isRuntimeError(thrown, 'EVENT_NOT_STORABLE') ||
  isRuntimeError(thrown, 'EVENT_TOO_LARGE') ||
  isRuntimeError(thrown, 'COMPENSATION_INVALID')

/** What nobody reads would be left out, and whoever asked would be told that all is well. */
const isDecisionKey = (key: string): boolean =>
  key === 'events' || key === 'reply' || key === 'send' || key === 'compensates'

const unknownKey = (key: string): string => {
  const isEvent = key === 'type' ? ': an event goes into events: [event]' : ''
  return `a decision may have events, reply, send, compensates, not ${shown(key)}${isEvent}`
}

const isRecordType = (type: unknown): type is string =>
  typeof type === 'string' && type.length > 0 && type.length <= RECORD_TYPE_MAX && type.isWellFormed()

const versionOf = (type: string, schema: EventSchema | null): number => {
  if (schema === null) return 1
  const version = schema.versionOf(type)
  if (version === null) throw invalid(`the schema names no event ${type}`)
  return version
}

const noType = (what: 'event' | 'sent message', record: unknown): RuntimeError => {
  const field = what === 'event' ? 'type' : 'to'
  const kind = record === null ? 'null' : typeof record
  return new RuntimeError(
    'EVENT_NOT_STORABLE',
    `${what} (${kind}) needs \`${field}\`: a text of 1 to ${RECORD_TYPE_MAX} characters, a property of its own`,
  )
}

const invalid = (text: string): RuntimeError => new RuntimeError('DECISION_INVALID', text)

/**
 * CloudEvents 1.0, as far as a source of messages needs them: checked as the specification says, whoever wrote them.
 * **Source**: the CloudEvents specification 1.0.2, its JSON format, and the extensions correlation and distributed tracing.
 */

import { RuntimeError } from '../base/errors.ts'
import { isTraceParent } from '../persistence/command-cause.ts'
import { checkStorable, PAYLOAD_BYTES_MAX } from '../persistence/storable.ts'

export interface CloudEvent {
  /** With `id` it is the event's identity: two with the same are one. Without white space. */
  readonly source: string
  readonly id: string
  readonly type: string
  /** The `correlationid` of the correlation extension. */
  readonly correlationId: string | null
  /** The `traceparent` of the extension for distributed tracing. One that is none is left out: a trace ends, no event is lost. */
  readonly traceParent: string | null
  /** What JSON holds; text or bytes where the event says that it is no JSON; null where there is none. */
  readonly data: unknown
}

/** Longest id, source, type and correlation id, all of which are kept with what an event leads to. Units: UTF-16 units. */
export const ATTRIBUTE_LENGTH_MAX = 512

/** Room that a parked event needs beside its data. Units: bytes. */
const BESIDE_DATA_BYTES = 32_768

/** Most that an event's data may take, by the measure of `checkStorable`. Units: bytes. */
export const DATA_BYTES_MAX = PAYLOAD_BYTES_MAX - BESIDE_DATA_BYTES

/** An event in the JSON format (structured mode). **Errors**: MESSAGE_INVALID, saying what is wrong and with what. */
export const cloudEventOfJson = (text: string): CloudEvent => {
  return cloudEventOfObject(parseJson(text, 'the event'))
}

/** The same of JSON that was parsed already. **Errors**: MESSAGE_INVALID. */
export const cloudEventOfObject = (event: unknown): CloudEvent => {
  if (typeof event !== 'object' || event === null || Array.isArray(event))
    throw invalid('the event is no JSON object: write {"specversion":"1.0","id":…,"source":…,"type":…,"data":…}')
  const attributes = new Map<string, unknown>(Object.entries(event))
  const data = attributes.get('data')
  const base64 = attributes.get('data_base64')
  attributes.delete('data')
  attributes.delete('data_base64')
  if (base64 === undefined || base64 === null) return cloudEvent(attributes, data ?? null)
  if (data !== undefined) throw invalid('the event has both data and data_base64')
  if (typeof base64 !== 'string' || !BASE64.test(base64)) throw invalid('data_base64 is no base64 text')
  return cloudEvent(attributes, new Uint8Array(Buffer.from(base64, 'base64')))
}

/**
 * An event whose attributes travel apart from its data (binary mode). Data without `datacontenttype` is taken as JSON.
 * **Errors**: MESSAGE_INVALID.
 */
export const cloudEventOfAttributes = (attributes: ReadonlyMap<string, unknown>, data: Uint8Array | null): CloudEvent =>
  cloudEvent(attributes, data === null ? null : decodeData(data, attributes.get('datacontenttype') ?? JSON_TYPE))

/** UTF-8 that is none is refused, not repaired. **Errors**: MESSAGE_INVALID, naming `what`. */
export const decodeText = (bytes: Uint8Array, what: string): string => {
  try {
    return UTF8.decode(bytes)
  } catch (cause) {
    throw invalid(`${what} is no UTF-8 text`, cause)
  }
}

export const invalid = (text: string, cause?: unknown): RuntimeError =>
  new RuntimeError('MESSAGE_INVALID', text, { cause })

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false })
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/
const JSON_TYPE = 'application/json'

interface Rule {
  readonly pattern: RegExp
  readonly expected: string
}

const TEXT: Rule = { pattern: /^\P{Cc}+$/u, expected: 'text that is not empty and has no control characters' }
const URI_REFERENCE: Rule = { pattern: /^[\w.~:/?#[\]@!$&'()*+,;=%-]+$/, expected: 'a URI reference' }
const URI: Rule = { pattern: /^[A-Za-z][A-Za-z0-9+.-]*:[\w.~:/?#[\]@!$&'()*+,;=%-]*$/, expected: 'a URI' }
const MEDIA_TYPE: Rule = { pattern: /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+\s*(;.*)?$/, expected: 'a media type' }
const TIMESTAMP: Rule = {
  pattern:
    /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[Tt]([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$/,
  expected: 'a time as in 2026-01-31T12:00:00Z',
}

const REQUIRED: readonly (readonly [name: string, rule: Rule])[] = [
  ['id', TEXT],
  ['source', URI_REFERENCE],
  ['type', TEXT],
]

const OPTIONAL: readonly (readonly [name: string, rule: Rule])[] = [
  ['subject', TEXT],
  ['time', TIMESTAMP],
  ['datacontenttype', MEDIA_TYPE],
  ['dataschema', URI],
  ['correlationid', TEXT],
]

const KEPT = ['id', 'source', 'type', 'correlationid']

const cloudEvent = (attributes: ReadonlyMap<string, unknown>, data: unknown): CloudEvent => {
  const version = attributes.get('specversion')
  if (version !== '1.0') throw invalid(`specversion: expected "1.0", not ${shown(version)}`)
  for (const [name, rule] of REQUIRED) check(name, attributes.get(name), rule)
  for (const [name, rule] of OPTIONAL) {
    const value = attributes.get(name)
    // The JSON format has it that null is as good as absent.
    if (value !== undefined && value !== null) check(name, value, rule)
  }
  for (const [name, value] of attributes) checkExtension(name, value)
  checkData(data)
  const traceParent = attributes.get('traceparent')
  return {
    source: attributes.get('source') as string,
    id: attributes.get('id') as string,
    type: attributes.get('type') as string,
    correlationId: (attributes.get('correlationid') ?? null) as string | null,
    traceParent: isTraceParent(traceParent) ? traceParent : null,
    data,
  }
}

const check = (name: string, value: unknown, { pattern, expected }: Rule): void => {
  if (typeof value !== 'string' || !value.isWellFormed() || !pattern.test(value))
    throw invalid(`${name}: expected ${expected}, not ${shown(value)}`)
  if (KEPT.includes(name) && value.length > ATTRIBUTE_LENGTH_MAX)
    throw invalid(`${name}: longer than ${ATTRIBUTE_LENGTH_MAX} characters`)
}

const checkExtension = (name: string, value: unknown): void => {
  if (!/^[a-z0-9]+$/.test(name))
    throw invalid(`${shown(name)}: the name of an attribute has lower-case letters and digits only`)
  if (typeof value === 'object' && value !== null) throw invalid(`${name}: an attribute is text, a number or a boolean`)
}

/** What could not be parked could not be set aside when it fails: it would be tried for ever. */
const checkData = (data: unknown): void => {
  try {
    // Two levels down, as a parked message has it.
    checkStorable([[data]], DATA_BYTES_MAX)
  } catch (cause) {
    throw invalid(`data: ${(cause as Error).message}`, cause)
  }
}

const decodeData = (data: Uint8Array, contentType: unknown): unknown => {
  const mediaType = String(contentType).split(';', 1)[0]!.trim().toLowerCase()
  if (/^[^/]+\/(json|[^/]+\+json)$/.test(mediaType)) return parseJson(decodeText(data, 'data'), 'data')
  return mediaType.startsWith('text/') ? decodeText(data, 'data') : new Uint8Array(data)
}

/** The parser's own text would quote what it could not read, and nobody's data belongs into a log. */
const parseJson = (text: string, what: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    throw invalid(`${what} is no JSON`)
  }
}

const SHOWN_MAX = 80

const shown = (value: unknown): string =>
  typeof value === 'string' ? JSON.stringify(value.slice(0, SHOWN_MAX)) : value === undefined ? 'absent' : typeof value

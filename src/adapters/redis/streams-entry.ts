/** An entry of a Redis stream as a message: the CloudEvent in it, or why there is none. */

import { toError } from '../../base/errors.ts'
import {
  type CloudEvent,
  cloudEventOfAttributes,
  cloudEventOfJson,
  decodeText,
  invalid,
} from '../../messaging/cloud-event.ts'
import type { SourceMessage } from '../../messaging/message-source.ts'

/** As Redis gives it: field, value, field, value, … */
export interface StreamEntry {
  /** `MS-SEQ`. */
  readonly id: string
  readonly fields: readonly Buffer[]
}

/** Fields that hold a whole event as JSON, in the order they are looked for. `data` is where Dapr puts it. */
const STRUCTURED = ['event', 'ce', 'data']
/** What the names of attributes may begin with, where an event has a field per attribute. */
const PREFIXES = ['', 'ce_', 'ce-']

/**
 * The CloudEvent of an entry. The canonical form is one field `event` that holds it as JSON; `ce` and `data` are taken as
 * well. An entry with a field `specversion` (or `ce_specversion`, `ce-specversion`) has a field per attribute and `data`;
 * with a prefix, fields without it are nobody's business. **Errors**: MESSAGE_INVALID.
 */
export const cloudEventOf = (fields: readonly Buffer[]): CloudEvent => {
  const byName = new Map<string, Buffer>()
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const name = decodeText(fields[i]!, 'the name of a field')
    if (byName.has(name)) throw invalid(`the field ${JSON.stringify(name.slice(0, 80))} is there twice`)
    byName.set(name, fields[i + 1]!)
  }
  const prefix = PREFIXES.find(prefix => byName.has(`${prefix}specversion`))
  if (prefix !== undefined) return cloudEventOfAttributes(attributesOf(byName, prefix), byName.get('data') ?? null)
  const field = STRUCTURED.find(name => byName.has(name))
  if (field === undefined)
    throw invalid('no CloudEvent: write it as JSON into the field event, or each attribute into a field of its name')
  return cloudEventOfJson(decodeText(byName.get(field)!, `the field ${field}`))
}

const attributesOf = (byName: ReadonlyMap<string, Buffer>, prefix: string): ReadonlyMap<string, string> => {
  const attributes = new Map<string, string>()
  for (const [name, value] of byName) {
    if (name === 'data' || !name.startsWith(prefix)) continue
    attributes.set(name.slice(prefix.length), decodeText(value, `the field ${name}`))
  }
  // In binary mode the type of the data is what transports call the content type.
  const contentType = prefix === '' ? undefined : byName.get('content-type')
  if (contentType !== undefined && !attributes.has('datacontenttype'))
    attributes.set('datacontenttype', decodeText(contentType, 'the field content-type'))
  return attributes
}

/** An entry on its way through a bridge. */
export class StreamMessage implements SourceMessage {
  /** Which of the source's topics. */
  readonly partition: number
  /** An entry claimed from a dead consumer comes after later ones: positions would say that it was handled. */
  readonly position = null
  readonly type: string
  readonly payload: unknown
  /** Source and id of the event. A source has no white space, so that no two pairs give the same. */
  readonly id: string
  readonly correlationId: string
  readonly traceParent: string | null
  readonly invalid: string | null
  readonly entryId: string

  constructor(partition: number, topic: string, entry: StreamEntry) {
    const read = readEvent(entry)
    this.partition = partition
    this.entryId = entry.id
    if (read instanceof Error) {
      this.type = MALFORMED
      this.payload = { topic, entry: entry.id, fields: shownFields(entry.fields) }
      this.id = `${topic} ${entry.id}`
      this.correlationId = this.id
      this.traceParent = null
      this.invalid = read.message
    } else {
      this.type = read.type
      this.payload = read.data
      this.id = `${read.source} ${read.id}`
      this.correlationId = read.correlationId ?? this.id
      this.traceParent = read.traceParent
      this.invalid = null
    }
  }
}

/** The type of a message whose entry holds no CloudEvent. */
const MALFORMED = 'malformed'

const readEvent = ({ fields }: StreamEntry): CloudEvent | Error => {
  try {
    return cloudEventOf(fields)
  } catch (error) {
    return toError(error)
  }
}

/** So much of a malformed entry is parked with it; the entry itself stays in its stream. Units: UTF-16 units. */
const SHOWN_LENGTH_MAX = 16_384
const SHOWN_FIELDS_MAX = 64

const shownFields = (fields: readonly Buffer[]): readonly string[] => {
  let left = SHOWN_LENGTH_MAX
  return fields.slice(0, 2 * SHOWN_FIELDS_MAX).map(bytes => {
    // No character is shorter than a byte, so the bytes beyond cannot be wanted.
    const text = bytes
      .subarray(0, 4 * left)
      .toString()
      .slice(0, left)
      .toWellFormed()
    left -= text.length
    return text
  })
}

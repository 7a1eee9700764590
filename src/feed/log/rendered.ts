import type { FeedEvent, FeedRecordView } from '../stream.ts'

/** Most that the text of one event may take; of a larger one the data are left out. Units: UTF-16 code units. */
export const EVENT_LENGTH_MAX = 262_144

/**
 * The text of an event: a CloudEvent 1.0 in its JSON format, with the sequence and correlation extensions. **Bounds**:
 * EVENT_LENGTH_MAX; beyond it the extension `dataomitted` stands in place of the data, with the length that they had.
 */
export const render = (source: string, record: FeedRecordView, event: FeedEvent, number: number): string => {
  const attributes = {
    specversion: '1.0',
    id: record.id,
    source,
    type: event.type,
    ...(event.subject !== undefined && { subject: event.subject }),
    time: new Date(record.timeMs).toISOString(),
    sequence: String(number),
    sequencetype: 'Integer',
    correlationid: record.correlationId,
    ...(record.causationId !== null && { causationid: record.causationId }),
    ...(record.traceParent !== null && { traceparent: record.traceParent }),
    datacontenttype: 'application/json',
  }
  const text = JSON.stringify({ ...attributes, data: event.data })
  return text.length <= EVENT_LENGTH_MAX ? text : JSON.stringify({ ...attributes, dataomitted: text.length })
}

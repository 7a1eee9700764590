import { expect, test } from 'vitest'
import { cloudEventOf, StreamMessage } from '../../../src/adapters/redis/streams-entry.ts'

const EVENT = { specversion: '1.0', id: '17', source: '/shop', type: 'OrderPlaced', data: { total: 3 } }
const READ = {
  source: '/shop',
  id: '17',
  type: 'OrderPlaced',
  correlationId: null,
  traceParent: null,
  data: { total: 3 },
}

const fields = (...texts: readonly (string | Buffer)[]): readonly Buffer[] =>
  texts.map(text => (typeof text === 'string' ? Buffer.from(text) : text))

const message = (...texts: readonly (string | Buffer)[]): StreamMessage =>
  new StreamMessage(1, 'orders', { id: '5-0', fields: fields(...texts) })

test.each(['event', 'ce', 'data'])('takes an event as JSON from the field %s', name => {
  expect(cloudEventOf(fields(name, JSON.stringify(EVENT)))).toEqual(READ)
  expect(cloudEventOf(fields('trace', 'x', name, JSON.stringify(EVENT)))).toEqual(READ)
})

test.each(['', 'ce_', 'ce-'])('takes an event from fields named %sid, %ssource, …', prefix => {
  const { data, ...attributes } = EVENT
  const named = Object.entries(attributes).flatMap(([name, value]) => [`${prefix}${name}`, value])
  expect(cloudEventOf(fields(...named, 'data', JSON.stringify(data)))).toEqual(READ)
  expect(cloudEventOf(fields(...named, `${prefix}correlationid`, 'c', `${prefix}tenant`, 'north'))).toEqual({
    ...READ,
    correlationId: 'c',
    data: null,
  })
})

test('with a prefix, fields without it are no attributes, and the content type is that of the data', () => {
  const attributes = ['ce_specversion', '1.0', 'ce_id', '17', 'ce_source', '/shop', 'ce_type', 'OrderPlaced']
  const read = cloudEventOf(fields(...attributes, 'content-type', 'text/plain', 'X-Trace', '1', 'data', '3'))
  expect(read.data).toBe('3')
})

test.each([
  ['nothing of an event', ['message', 'hello'], 'no CloudEvent'],
  ['a field twice', ['event', '{}', 'event', '{}'], 'twice'],
  ['no UTF-8', ['event', Buffer.from([0xff])], 'UTF-8'],
  ['no JSON', ['event', 'hello'], 'no JSON'],
  ['no version', ['id', '1', 'source', '/s', 'type', 'T', 'data', '{}'], 'specversion'],
])('refuses an entry with %s', (_, texts, reason) => {
  expect(() => cloudEventOf(fields(...texts))).toThrow(reason)
  expect(message(...texts).invalid).toContain(reason)
})

test('a message is known by source and id, and has no position', () => {
  expect(message('event', JSON.stringify(EVENT))).toMatchObject({
    partition: 1,
    position: null,
    type: 'OrderPlaced',
    payload: { total: 3 },
    id: '/shop 17',
    correlationId: '/shop 17',
    invalid: null,
  })
  expect(message('event', JSON.stringify({ ...EVENT, correlationid: 'c' })).correlationId).toBe('c')
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  expect(message('event', JSON.stringify({ ...EVENT, traceparent })).traceParent).toBe(traceparent)
})

test('a malformed entry is a message with what is wrong, known by its place, with what can be shown of it', () => {
  expect(message('message', 'hello')).toMatchObject({
    type: 'malformed',
    id: 'orders 5-0',
    payload: { topic: 'orders', entry: '5-0', fields: ['message', 'hello'] },
    invalid: expect.stringContaining('no CloudEvent'),
  })
})

test('what is shown of a malformed entry is bounded and well-formed', () => {
  const payload = message('a', '\u{1f600}'.repeat(20_000), 'b', 'x').payload as { readonly fields: readonly string[] }
  expect(payload.fields.join('').length).toBeLessThanOrEqual(16_384)
  expect(payload.fields.every(text => text.isWellFormed())).toBe(true)
  const many = message(...Array.from({ length: 1_000 }, (_, i) => `${i}`)).payload as { readonly fields: unknown[] }
  expect(many.fields).toHaveLength(128)
})

import { expect, test } from 'vitest'
import {
  ATTRIBUTE_LENGTH_MAX,
  cloudEventOfAttributes,
  cloudEventOfJson,
  DATA_BYTES_MAX,
} from '../../src/messaging/cloud-event.ts'

const REQUIRED = { specversion: '1.0', id: '17', source: '/shop', type: 'OrderPlaced' }

const json = (more: Record<string, unknown> = {}): string => JSON.stringify({ ...REQUIRED, ...more })

const attributes = (more: Record<string, string> = {}): ReadonlyMap<string, string> =>
  new Map(Object.entries({ ...REQUIRED, ...more }))

const refused = (reading: () => unknown): string => {
  try {
    reading()
  } catch (error) {
    expect(error).toMatchObject({ code: 'MESSAGE_INVALID' })
    return (error as Error).message
  }
  throw new Error('was not refused')
}

test('an event in the JSON format has what it says', () => {
  const event = cloudEventOfJson(
    json({
      subject: 'order/1',
      time: '2026-01-31T12:00:00.25+01:00',
      datacontenttype: 'application/json; charset=utf-8',
      dataschema: 'https://example.com/order.json',
      correlationid: 'checkout-9',
      tenant: 'north',
      priority: 3,
      data: { lines: [1, 2] },
    }),
  )
  expect(event).toEqual({
    source: '/shop',
    id: '17',
    type: 'OrderPlaced',
    correlationId: 'checkout-9',
    traceParent: null,
    data: { lines: [1, 2] },
  })
})

test('a trace parent goes on, and one that is none costs no event', () => {
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  expect(cloudEventOfJson(json({ traceparent })).traceParent).toBe(traceparent)
  for (const none of ['', 'trace', traceparent.toUpperCase(), `00-${'0'.repeat(32)}-b7ad6b7169203331-01`, 7, null])
    expect(cloudEventOfJson(json({ traceparent: none })).traceParent).toBeNull()
})

test('data is whatever JSON holds; none is null', () => {
  for (const data of [{ a: 1 }, [1], 'text', 0, false, null])
    expect(cloudEventOfJson(json({ data })).data).toEqual(data)
  expect(cloudEventOfJson(json()).data).toBeNull()
})

test('data_base64 is bytes', () => {
  expect(cloudEventOfJson(json({ data_base64: 'AP8=' })).data).toEqual(new Uint8Array([0, 255]))
  expect(refused(() => cloudEventOfJson(json({ data_base64: 'ÿ' })))).toContain('data_base64')
  expect(refused(() => cloudEventOfJson(json({ data_base64: 'AP8=', data: 1 })))).toContain('both')
})

test('an attribute that is null is absent', () => {
  expect(cloudEventOfJson(json({ subject: null, correlationid: null })).correlationId).toBeNull()
})

test.each([
  ['id', ''],
  ['id', 17],
  ['id', 'a\nb'],
  ['id', undefined],
  ['source', ''],
  ['source', 'two words'],
  ['type', undefined],
  ['type', null],
  ['specversion', '0.3'],
  ['specversion', undefined],
  ['subject', ''],
  ['time', '2026-13-01T00:00:00Z'],
  ['time', 'yesterday'],
  ['datacontenttype', 'json'],
  ['dataschema', '/relative'],
  ['correlationid', 9],
  ['tenant', { name: 'north' }],
])('refuses %s: %j, naming it', (name, value) => {
  expect(refused(() => cloudEventOfJson(json({ [name]: value })))).toContain(name)
})

test('refuses the name of an attribute that has anything but lower-case letters and digits', () => {
  expect(refused(() => cloudEventOfJson(json({ correlationId: 'x' })))).toContain('"correlationId"')
})

test('refuses what is kept with its effects beyond its longest', () => {
  for (const name of ['id', 'source', 'type', 'correlationid']) {
    expect(cloudEventOfJson(json({ [name]: 'x'.repeat(ATTRIBUTE_LENGTH_MAX) }))).toBeDefined()
    expect(refused(() => cloudEventOfJson(json({ [name]: 'x'.repeat(ATTRIBUTE_LENGTH_MAX + 1) })))).toContain(name)
  }
})

test.each(['', '17', '"text"', '[]', 'null', '{', '{"specversion":"1.0"'])('refuses %j, which is no event', text => {
  expect(refused(() => cloudEventOfJson(text))).toMatch(/the event is no JSON/)
})

test('does not quote what it cannot read', () => {
  expect(refused(() => cloudEventOfJson('{"secret": hunter2}'))).not.toContain('hunter2')
})

test('refuses data that could not be parked: nobody could set it aside when it fails', () => {
  expect(refused(() => cloudEventOfJson(`${json().slice(0, -1)},"data":{"__proto__":1}}`))).toContain('data')
  expect(refused(() => cloudEventOfJson(`${json().slice(0, -1)},"data":"\\ud800"}`))).toContain('data')
  expect(refused(() => cloudEventOfJson(json({ data: 'x'.repeat(DATA_BYTES_MAX) })))).toContain('data')
  expect(
    refused(() => cloudEventOfJson(`${json().slice(0, -1)},"data":${'['.repeat(63)}${']'.repeat(63)}}`)),
  ).toContain('data')
})

test('data apart from its attributes is JSON unless they say otherwise', () => {
  const bytes = Buffer.from('{"a":1}')
  expect(cloudEventOfAttributes(attributes(), bytes).data).toEqual({ a: 1 })
  expect(cloudEventOfAttributes(attributes({ datacontenttype: 'application/vnd.shop+json' }), bytes).data).toEqual({
    a: 1,
  })
  expect(cloudEventOfAttributes(attributes({ datacontenttype: 'text/plain' }), bytes).data).toBe('{"a":1}')
  expect(cloudEventOfAttributes(attributes({ datacontenttype: 'application/octet-stream' }), bytes).data).toEqual(
    new Uint8Array(bytes),
  )
  expect(cloudEventOfAttributes(attributes(), null).data).toBeNull()
  expect(refused(() => cloudEventOfAttributes(attributes(), Buffer.from('a=1')))).toContain('data is no JSON')
  expect(refused(() => cloudEventOfAttributes(attributes(), Buffer.from([0x22, 0xff, 0x22])))).toContain('no UTF-8')
})

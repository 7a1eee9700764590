/** What comes back is what went in: payloads and snapshots of every kind of value, and who, when and why. */

import { deepStrictEqual, ok } from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import type { Append, Handled, HandledId, Journal, StoredAppend } from '../../persistence/journal.ts'
import { checkStorable, PAYLOAD_DEPTH_MAX } from '../../persistence/storable.ts'
import { append, at, collect } from './journal-appends.ts'
import { idIn, type JournalTest } from './journal-scene.ts'

/** So deep that nothing could be put around it. */
const nested = (levels: number): unknown => {
  let value: unknown = 'at the bottom'
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? [value] : { inside: value }
  return value
}

/**
 * What `checkStorable` admits, where an encoding may well do something else with it: formats without the kind, numbers of
 * fewer bits, lengths of one or two bytes. -0 is left out, since it may come back as 0.
 */
const VALUES: Readonly<Record<string, unknown>> = {
  null: null,
  'true and false': [true, false],
  'whole numbers around 8, 16, 32 and 53 bits': [7, 8, 15, 16, 31, 32, 52].flatMap(bits =>
    [2 ** bits - 1, 2 ** bits, 2 ** bits + 1].flatMap(value => [value, -value]),
  ),
  'the largest whole numbers': [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
  'fractions of 64 bits': [0.1, -1 / 3, Math.PI, 1e-7, 123_456_789.123_456_78, 2 ** 31 + 0.5],
  'the ends of what a number can be': [Number.MAX_VALUE, Number.MIN_VALUE, -Number.MAX_VALUE, Number.EPSILON, 1e21],
  'small bigints': [0n, 1n, -1n, 255n, 2n ** 32n],
  'bigints around 64 bits': [2n ** 63n - 1n, 2n ** 63n, -(2n ** 63n), -(2n ** 63n) - 1n, 2n ** 64n],
  'bigints of hundreds of bits': [2n ** 521n - 1n, -(10n ** 100n)],
  'moments before and after 1970': [new Date(0), new Date(-1), new Date(1_760_000_000_123), new Date(8.64e15)],
  'an empty text': '',
  'texts that escape, end or quote': ['\u0000', 'a\u0000b', '"\\/\b\n\r\u2028\u2029', '\u007f', '\ufeffbom', "it's"],
  'texts outside ASCII': ['é', 'e\u0301', '🚗 Straße', '漢字', '\u{10ffff}'],
  'texts around 8 and 16 bits of length': [31, 32, 255, 256, 65_535, 65_536].map(length => 'x'.repeat(length)),
  'a long text': 'x'.repeat(500_000),
  'a long text outside ASCII': `${'é'.repeat(70_000)}🚗`,
  'no bytes': new Uint8Array(0),
  'bytes, and not a Buffer': Uint8Array.from({ length: 256 }, (_, i) => i),
  'many bytes': Uint8Array.from({ length: 70_000 }, (_, i) => i * 31),
  'an array, an object, and both with nothing in them': [[], {}, [[]], [{}], { a: [], b: {} }],
  'undefined in an object and in an array': { a: undefined, b: [undefined, 1, undefined] },
  'an array of more than 16 bits of length': Array.from({ length: 66_000 }, (_, i) => i),
  'keys that spell anything': { '': 1, 0: 2, '-1': 3, constructor: 4, toString: 5, length: 6, 'a.b': 7, $ref: 8, é: 9 },
  'an object of many keys': Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`key${i}`, i])),
  'objects of many shapes': Array.from({ length: 100 }, (_, i) => ({ [`only${i}`]: i, both: i })),
  'what looks like another encoding': [{ type: 'Buffer', data: [1] }, { $date: 5 }, '2026-01-01T00:00:00.000Z', '5n'],
  'the deepest nesting': nested(PAYLOAD_DEPTH_MAX),
}

const HANDLED: Readonly<Record<string, Handled | HandledId | null>> = {
  nothing: null,
  'a position': { source: 'bridge', partition: 3, position: 2 ** 40, outstanding: [] },
  'a position with others before it': { source: 'brücke', partition: 0, position: 9, outstanding: [2, 3, 8] },
  'an id': { source: 'bridge', position: null, id: 'https://shop.example/orders 7' },
}

/** Which one differs is said by its name: to print both might take for ever. */
const sameAs = (what: string, actual: unknown, expected: unknown): void =>
  ok(isDeepStrictEqual(actual, expected), `${what}: what comes back is not what was stored`)

/** However an append is asked for. */
const everyWay = async (journal: Journal, id: string): Promise<Readonly<Record<string, readonly StoredAppend[]>>> => {
  const found: StoredAppend[] = []
  const pages = (await journal.find?.(id))?.pages(1)
  for (let page = await pages?.next(); page; page = await pages?.next()) found.push(...page)
  return {
    'by id': await collect(journal.read(id, 1)),
    'by position': await journal.readLog(0, 1, 1_000),
    ...(pages === undefined ? {} : { 'as found': found }),
  }
}

export const journalValues: Readonly<Record<string, JournalTest>> = {
  'gives back payloads of every kind of value as they were, also after it is opened again': async scene => {
    const store = await scene.make()
    let journal = await scene.open(store)
    const id = idIn(journal, 'a')
    const names = Object.keys(VALUES)
    const appends = names.map((name, i): Append => {
      checkStorable(VALUES[name])
      return { ...append(id, i), records: [{ kind: 'event', type: name, version: 1, payload: VALUES[name] }] }
    })
    await journal.commit(0, appends)
    for (const when of ['at once', 'opened again']) {
      for (const [way, stored] of Object.entries(await everyWay(journal, id))) {
        deepStrictEqual([way, stored.length], [way, names.length])
        for (const [i, name] of names.entries())
          sameAs(`${name}, ${way}, ${when}`, stored[i]?.records[0]?.payload, VALUES[name])
      }
      await journal.close()
      journal = await scene.open(store)
    }
  },

  'gives back snapshots of every kind of value as they were, also after it is opened again': async scene => {
    const store = await scene.make()
    let journal = await scene.open(store)
    const id = idIn(journal, 'a')
    const names = Object.keys(VALUES)
    await journal.commit(0, [append(id, 0, ...names)])
    for (const [i, name] of names.entries())
      await journal.saveSnapshot(
        { persistenceId: id, sequenceNr: i + 1, timeMs: i, payload: VALUES[name] },
        names.length,
      )
    for (const when of ['at once', 'opened again']) {
      const stored = await collect(
        journal.loadSnapshots(id, error => {
          throw error
        }),
      )
      deepStrictEqual([when, stored.length], [when, names.length])
      for (const { sequenceNr, payload } of stored) {
        const name = names[sequenceNr - 1] as string
        sameAs(`${name}, ${when}`, payload, VALUES[name])
      }
      await journal.close()
      journal = await scene.open(store)
    }
  },

  'gives back who, when and why of every append': async scene => {
    const store = await scene.make()
    let journal = await scene.open(store)
    const id = idIn(journal, 'a')
    const plain: Append = {
      ...append(id, 0),
      timeMs: 0,
      causationId: null,
      correlationId: null,
      traceParent: null,
      principal: null,
      compensates: null,
      handled: null,
    }
    const others: readonly Partial<Append>[] = [
      {},
      ...Object.values(HANDLED).map(handled => ({ handled })),
      { timeMs: 2 ** 45 + 1 },
      { causationId: 'request 7' },
      { correlationId: 'flow é' },
      { traceParent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
      { principal: 'user:ada' },
      { compensates: 'append-1.0' },
    ]
    // One after the other in one commit, and each in one of its own: what is kept by column must know which row it is.
    const appends = [...others, ...others].map((other, i): Append => {
      const { appendId, records } = append(id, i)
      return { ...plain, expectedSequenceNr: i, appendId, records, ...other }
    })
    await journal.commit(0, appends.slice(0, others.length))
    for (const each of appends.slice(others.length)) await journal.commit(0, [each])
    for (let round = 0; round < 2; round++) {
      for (const stored of Object.values(await everyWay(journal, id)))
        deepStrictEqual(
          stored,
          appends.map((each, i) => at(each, 0, i + 1)),
        )
      await journal.close()
      journal = await scene.open(store)
    }
  },
}

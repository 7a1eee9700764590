import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RuntimeError } from '../../src/base/errors.ts'
import { logSource } from '../../src/messaging/log-source.ts'
import type { MessageSource, SourceMessage } from '../../src/messaging/message-source.ts'
import { memoryStore } from '../../src/persistence/memory-journal.ts'
import { gate, settle } from '../kernel/support.ts'
import { append as appendOther } from '../persistence/other-writer.ts'
import { failNext, Scene } from '../persistence/support.ts'
import { Writer } from './support.ts'

const labelOf = (message: SourceMessage): string => (message.payload as { label: string }).label

/** Takes from a source only after it was woken, until there is nothing: as a bridge does. */
const failLoudly = (error: Error): void => {
  throw error
}

class Reader {
  readonly taken: SourceMessage[] = []
  private awake = false
  readonly source: MessageSource

  constructor(source: MessageSource) {
    this.source = source
  }

  static async open(source: MessageSource): Promise<Reader> {
    const reader = new Reader(source)
    await source.open(() => {
      reader.awake = true
    }, failLoudly)
    reader.awake = true
    return reader
  }

  /** At most `limit`; one that stopped short of the end goes on without being woken. */
  take(limit = Number.POSITIVE_INFINITY): void {
    if (!this.awake) return
    for (let i = 0; i < limit; i++) {
      const message = this.source.next()
      if (message === null) {
        this.awake = false
        return
      }
      this.taken.push(message)
    }
  }

  async takeAll(): Promise<string[]> {
    for (let i = 0; i < 50; i++) {
      this.take()
      await settle()
    }
    return this.taken.map(labelOf)
  }
}

test('gives the wanted events and commands, from the history and live, in the order of the log', async () => {
  await using scene = await Scene.open()
  const writer = new Writer(scene.store)
  writer.events('a', 'X:1', 'Y:2')
  writer.records('b', [
    { kind: 'command', type: 'risk', version: 1, payload: { label: 'to risk' } },
    { kind: 'command', type: 'X', version: 1, payload: { label: 'an address, not an event' } },
    { kind: 'event', type: 'risk', version: 1, payload: { label: 'an event, not an address' } },
  ])
  await settle()
  const reader = await Reader.open(logSource(scene.store, 'group', { events: ['X'], commands: ['risk'] }))
  expect(await reader.takeAll()).toEqual(['X:1', 'to risk'])
  writer.events('a', 'Z:3', 'X:4')
  expect(await reader.takeAll()).toEqual(['X:1', 'to risk', 'X:4'])
  expect(reader.taken.map(({ position, partition, type }) => [partition, position, type])).toEqual([
    [0, 1, 'X'],
    [0, 3, 'risk'],
    [0, 7, 'X'],
  ])
})

test('gives each message an id that its redelivery has too, and the correlation of its flow', async () => {
  await using scene = await Scene.open()
  const writer = new Writer(scene.store)
  writer.events('a', 'X:1', 'X:2')
  await settle()
  const live = await Reader.open(logSource(scene.store, 'one', { events: ['X'] }))
  await live.takeAll()
  const later = await Reader.open(logSource(scene.store, 'two', { events: ['X'] }))
  await later.takeAll()
  expect(later.taken.map(({ id }) => id)).toEqual(live.taken.map(({ id }) => id))
  expect(new Set(live.taken.map(({ id }) => id)).size).toBe(2)
  expect(live.taken.map(({ correlationId }) => correlationId)).toEqual(live.taken.map(({ id }) => id))
})

test('never shows what is written and not yet durable', async () => {
  await using scene = await Scene.open()
  const writer = new Writer(scene.store)
  writer.events('a', 'X:1')
  await settle()
  const { opened, open } = gate()
  scene.journal.plan = operation => (operation === 'commit' ? { hold: opened } : null)
  writer.events('a', 'X:2')
  await settle()
  expect(await scene.journal.lastPosition(0)).toBe(2)
  const reader = await Reader.open(logSource(scene.store, 'group', { events: ['X'] }))
  expect(await reader.takeAll()).toEqual(['X:1'])
  open()
  expect(await reader.takeAll()).toEqual(['X:1', 'X:2'])
})

test('a cursor is the place below which everything is done, in whatever order that was', async () => {
  await using scene = await Scene.open()
  const writer = new Writer(scene.store)
  writer.events('a', 'X:1', 'Y:2', 'X:3', 'X:4', 'Y:5')
  await settle()
  const reader = await Reader.open(logSource(scene.store, 'group', { events: ['X'] }))
  await reader.takeAll()
  const { source, taken } = reader
  const cursor = (): number => scene.store.cursor(0, 'group')
  source.done(taken[1]!)
  expect(cursor()).toBe(0)
  source.done(taken[0]!)
  expect(cursor()).toBe(3)
  source.done(taken[2]!)
  expect(cursor()).toBe(5)
})

test('opened anew it gives what was not done, and nothing twice', async () => {
  await using scene = await Scene.open()
  const writer = new Writer(scene.store)
  writer.events('a', 'X:1', 'X:2', 'X:3')
  await settle()
  const source = logSource(scene.store, 'group', { events: ['X'] })
  const first = await Reader.open(source)
  await first.takeAll()
  source.done(first.taken[0]!)
  const second = await Reader.open(source)
  writer.events('a', 'X:4')
  expect(await second.takeAll()).toEqual(['X:2', 'X:3', 'X:4'])
  // Of the earlier time: that says nothing about what was given since.
  for (const message of first.taken) source.done(message)
  expect(scene.store.cursor(0, 'group')).toBe(1)
  source.done(second.taken[0]!)
  expect(scene.store.cursor(0, 'group')).toBe(2)
  for (const message of second.taken) source.done(message)
  expect(scene.store.cursor(0, 'group')).toBe(4)
})

test('goes on after a read that failed', async () => {
  await using scene = await Scene.open()
  new Writer(scene.store).events('a', 'X:1')
  await settle()
  failNext(scene.journal, 'readLog', 'before', 2)
  const reader = await Reader.open(logSource(scene.store, 'group', { events: ['X'] }))
  await scene.pass(600)
  expect(await reader.takeAll()).toEqual(['X:1'])
  expect(scene.warnings()).toHaveLength(2)
})

test('finds what another writer put between, and an append whose answer was lost', async () => {
  await using scene = await Scene.open()
  const writer = new Writer(scene.store)
  const reader = await Reader.open(logSource(scene.store, 'group', { events: ['Added', 'X'] }))
  writer.events('a', 'X:1')
  await reader.takeAll()
  appendOther(scene.memory, 'b', 0, ['theirs'])
  writer.events('a', 'X:2')
  expect(await reader.takeAll()).toEqual(['X:1', 'theirs', 'X:2'])
  failNext(scene.journal, 'commit', 'after')
  writer.events('c', 'X:3')
  expect(await reader.takeAll()).toEqual(['X:1', 'theirs', 'X:2', 'X:3'])
})

test('holds no more than its bound and a page, and catches up from the journal', async () => {
  await using scene = await Scene.open()
  const writer = new Writer(scene.store)
  const reader = await Reader.open(logSource(scene.store, 'group', { events: ['X'] }, { heldMax: 10, page: 5 }))
  reader.take()
  for (let i = 0; i < 200; i++) {
    writer.events('a', `X:${i}`)
    await settle()
  }
  const held = (reader.source as unknown as { readers: { held: unknown[] }[] }).readers[0]!.held.length
  expect(held).toBeLessThanOrEqual(15)
  expect(await reader.takeAll()).toEqual(Array.from({ length: 200 }, (_, i) => `X:${i}`))
})

type Step =
  | { readonly type: 'write'; readonly id: number; readonly wanted: readonly boolean[] }
  | { readonly type: 'others' | 'lose' | 'settle' | 'reopen' }
  | { readonly type: 'take'; readonly limit: number }
  | { readonly type: 'done'; readonly which: number }

const someStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('write' as const),
      id: fc.nat(5),
      wanted: fc.array(fc.boolean(), { minLength: 1, maxLength: 4 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('take' as const), limit: fc.integer({ min: 1, max: 6 }) }) },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('done' as const), which: fc.nat(20) }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('settle' as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constantFrom('others', 'lose', 'reopen') }) },
)

test('no gap, no repeat and no message above the cursor undone, however writes, reads and restarts interleave', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(someStep, { maxLength: 60 }),
      fc.constantFrom(1, 3),
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 1, max: 4 }),
      async (steps, partitions, heldMax, page) => {
        await using scene = await Scene.open(memoryStore(partitions))
        const { store, memory } = scene
        let writer = new Writer(store)
        const source = logSource(store, 'group', { events: ['X', 'Added'] }, { heldMax, page })
        let reader = await Reader.open(source)
        let from = Array.from({ length: partitions }, () => 0)
        let undone: SourceMessage[] = []
        let noted = 0
        let generation = 0
        const note = (): void => {
          undone.push(...reader.taken.slice(noted))
          noted = reader.taken.length
        }
        const wanted = (partition: number): number[] =>
          memory.partitions[partition]!.log.flatMap(({ position, records }) =>
            records.flatMap(({ type }, i) => (type === 'Y' ? [] : [position + i])),
          )
        const check = (isAll: boolean): void => {
          for (let partition = 0; partition < partitions; partition++) {
            const seen = reader.taken
              .filter(message => message.partition === partition)
              .map(message => message.position)
            const all = wanted(partition).filter(position => position > from[partition]!)
            expect(seen).toEqual(isAll ? all : all.slice(0, seen.length))
            const cursor = store.cursor(partition, 'group')
            for (const message of undone)
              if (message.partition === partition) expect(message.position).toBeGreaterThan(cursor)
          }
        }
        for (const step of steps) {
          switch (step.type) {
            case 'write':
              writer.events(`${generation}-${step.id}`, ...step.wanted.map(isWanted => (isWanted ? 'X:' : 'Y:')))
              break
            case 'others':
              if (partitions === 1) appendOther(memory, `other-${++generation}`, 0, ['theirs'])
              break
            case 'lose':
              failNext(scene.journal, 'commit', 'after')
              writer.events(`lost-${++generation}`, 'X:')
              await settle()
              // Whoever lost an answer recovers; here it goes on under other names.
              writer = new Writer(store)
              break
            case 'settle':
              await settle()
              break
            case 'take':
              reader.take(step.limit)
              note()
              break
            case 'done': {
              const message = undone[step.which % Math.max(1, undone.length)]
              if (message === undefined) break
              undone = undone.filter(other => other !== message)
              source.done(message)
              break
            }
            case 'reopen':
              if (generation % 2 === 0) await source.close()
              reader = await Reader.open(source)
              from = from.map((_, partition) => store.cursor(partition, 'group'))
              undone = []
              noted = 0
          }
          check(false)
        }
        await settle()
        // What others wrote shows with the next commit of one's own.
        writer = new Writer(store)
        for (let i = 0; i < 8; i++) writer.events(`last-${i}`, 'X:')
        await reader.takeAll()
        note()
        check(true)
        for (const message of undone) source.done(message)
        for (let partition = 0; partition < partitions; partition++)
          expect(store.cursor(partition, 'group')).toBeGreaterThanOrEqual(wanted(partition).at(-1) ?? 0)
      },
    ),
    { numRuns: 150 },
  )
})

test('a corrupt log is a failure of its reader, and not tried again', async () => {
  await using scene = await Scene.open()
  const writer = new Writer(scene.store)
  writer.events('a', 'X:1')
  await settle()
  const { journal } = scene.store
  const corrupt = new RuntimeError('JOURNAL_CORRUPT', 'a block does not match its checksum')
  let reads = 0
  journal.readLog = async () => {
    reads++
    throw corrupt
  }
  const failed = new Promise<Error>(resolve => {
    void logSource(scene.store, 'late', { events: ['X'] }).open(() => undefined, resolve)
  })
  expect(await failed).toBe(corrupt)
  expect(reads).toBe(1)
})

test('a cursor follows a log in which nothing is wanted, at a lag of 1,024 records, and to its end when it is closed', async () => {
  await using scene = await Scene.open()
  const writer = new Writer(scene.store)
  writer.events('a', ...Array.from({ length: 3_000 }, () => 'Y:'))
  await settle()
  const reader = await Reader.open(logSource(scene.store, 'group', { events: ['X'] }, { page: 8 }))
  const cursor = (): number => scene.store.cursor(0, 'group')
  const lagsAtMost = (lag: number): void => expect(scene.store.lastPosition(0) - cursor()).toBeLessThanOrEqual(lag)
  await reader.takeAll()
  lagsAtMost(1_024)
  let cursors = 0
  let last = cursor()
  for (let i = 0; i < 3_000; i++) {
    writer.events('b', 'Y:')
    if (i % 10 === 0) await settle()
    lagsAtMost(1_024 + 10)
    if (cursor() !== last) cursors++
    last = cursor()
  }
  // A moved cursor is a write of its own where nothing else is written.
  expect(cursors).toBeLessThanOrEqual(4)
  await reader.source.close()
  lagsAtMost(0)
})

test('a cursor never passes what is not done, however much was looked through behind it', async () => {
  await using scene = await Scene.open()
  const writer = new Writer(scene.store)
  const reader = await Reader.open(logSource(scene.store, 'group', { events: ['X'] }))
  writer.events('a', 'Y:', 'X:1')
  await reader.takeAll()
  for (let i = 0; i < 3_000; i++) writer.events('b', 'Y:')
  await reader.takeAll()
  expect(scene.store.cursor(0, 'group')).toBeLessThanOrEqual(1)
  await reader.source.close()
  expect(scene.store.cursor(0, 'group')).toBe(1)
})

test('gives messages again by their positions, as they were', async () => {
  await using scene = await Scene.open(memoryStore(2))
  const writer = new Writer(scene.store)
  for (let i = 0; i < 400; i++) writer.events(`a${i}`, `X:${i}`, 'Y:', `X:${i}'`)
  const reader = await Reader.open(logSource(scene.store, 'group', { events: ['X'] }))
  await reader.takeAll()
  for (const partition of [0, 1]) {
    const given = reader.taken.filter(message => message.partition === partition && message.position! % 7 === 1)
    const again = await reader.source.again!(
      partition,
      given.map(message => message.position!),
    )
    expect(given.length).toBeGreaterThan(40)
    const plain = ({ id, type, payload, position, correlationId }: SourceMessage): unknown[] => [
      id,
      type,
      payload,
      position,
      partition,
      correlationId,
    ]
    expect(again.map(plain)).toEqual(given.map(plain))
    for (const message of again) reader.source.done(message)
  }
  const missing = reader.source.again!(0, [scene.store.lastPosition(0) + 1])
  await expect(missing).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT' })
  await reader.source.close()
  await expect(reader.source.again!(0, [1])).rejects.toMatchObject({ code: 'BRIDGE_STOPPED' })
})

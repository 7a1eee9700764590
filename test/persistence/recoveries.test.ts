import { expect, test } from 'vitest'
import { RuntimeError } from '../../src/base/errors.ts'
import { systemRandom } from '../../src/base/ports.ts'
import { eventSourced } from '../../src/persistence/event-sourced.ts'
import { entities } from '../../src/persistence/event-sourced-entities.ts'
import { EventStore } from '../../src/persistence/event-store.ts'
import type { Journal } from '../../src/persistence/journal.ts'
import { memoryJournal } from '../../src/persistence/memory-journal.ts'
import { Recoveries, type RecoveryOptions } from '../../src/persistence/recoveries.ts'
import { recover } from '../../src/persistence/recovery.ts'
import { FaultyJournal } from '../../src/testkit/faults/faulty-journal.ts'
import { gate, rejection, settle, VirtualStage } from '../kernel/support.ts'
import { ledger } from './support.ts'

const add = (label: string, times = 1) => ({ type: 'add' as const, label, times })
const read = { type: 'read' as const }

/** A store whose recoveries are set, with what its ids hold; turns of the event loop come when they are asked for. */
class Stage extends VirtualStage {
  store!: EventStore
  journal!: FaultyJournal
  readonly turns: (() => void)[] = []
  /** Each look at the clock takes so long. */
  msPerLook = 0

  static async open(ids: readonly string[], recovery: RecoveryOptions, events = 1): Promise<Stage> {
    const stage = new Stage()
    stage.journal = new FaultyJournal(memoryJournal())
    const { clock, logger } = stage
    const slow = {
      nowMs: () => clock.nowMs(),
      after: (delayMs: number, run: () => void) => clock.after(delayMs, run),
      monotonicMs: () => {
        if (stage.msPerLook > 0) clock.advance(stage.msPerLook)
        return clock.monotonicMs()
      },
    }
    const executor = { soon: queueMicrotask, later: (task: () => void) => void stage.turns.push(task) }
    const ports = { clock: slow, logger, random: systemRandom, executor }
    stage.store = await EventStore.open(stage.journal, { ...ports, recovery })
    const kind = entities(ledger(), stage.store)
    const ref = stage.spawn(kind.behavior)
    await Promise.all(ids.map(id => kind.ask(id, add(id, events))))
    await ref.stop()
    return stage
  }

  async pass(ms: number): Promise<void> {
    await settle()
    for (let passed = 0; passed < ms; passed += 5) {
      this.clock.advance(5)
      for (const turn of this.turns.splice(0)) turn()
      await settle()
    }
  }
}

test('reads so many entities at once, all kinds together, and the others in their order', async () => {
  const ids = Array.from({ length: 20 }, (_, i) => `id-${i}`)
  await using stage = await Stage.open(ids, { maxAtOnce: 3 })
  let reading = 0
  let readingMax = 0
  const order: string[] = []
  const inner = stage.journal.read.bind(stage.journal)
  stage.journal.read = async function* (persistenceId, from) {
    order.push(persistenceId)
    readingMax = Math.max(readingMax, ++reading)
    await settle()
    yield* inner(persistenceId, from)
    reading--
  }
  const kind = entities(ledger(), stage.store)
  stage.spawn(kind.behavior)
  const answers = await Promise.all([
    ...ids.slice(0, 10).map(id => kind.ask(id, read)),
    ...ids.slice(10).map(async id => (await recover(stage.store, ledger() as never, id)).state),
  ])
  expect(answers).toEqual(ids.map(id => [id]))
  expect(readingMax).toBe(3)
  expect(order.toSorted()).toEqual(ids.map(id => `ledger|${id}`).toSorted())
  const hosted = order.filter(id => ids.indexOf(id.slice('ledger|'.length)) < 10)
  expect(hosted).toEqual(ids.slice(0, 10).map(id => `ledger|${id}`))
})

test('commands that come while their entity is recovered wait in order', async () => {
  await using stage = await Stage.open(['a'], {})
  const { opened, open } = gate()
  stage.journal.plan = operation => (operation === 'read' ? { wait: opened } : null)
  const kind = entities(ledger(), stage.store)
  stage.spawn(kind.behavior)
  const answers = ['1', '2', '3'].map(label => kind.ask('a', add(label)))
  await settle()
  open()
  expect(await Promise.all(answers)).toEqual([
    ['a', '1'],
    ['a', '1', '2'],
    ['a', '1', '2', '3'],
  ])
})

test('gives the event loop a turn when its slice is over', async () => {
  await using stage = await Stage.open(['a'], {}, 1)
  const kind = entities(ledger(), stage.store)
  const ref = stage.spawn(kind.behavior)
  for (let i = 0; i < 1_000; i++) kind.tell('a', add('x'))
  await kind.ask('a', read)
  await ref.stop()
  stage.msPerLook = 3
  const recovering = recover(stage.store, ledger() as never, 'a')
  let turns = 0
  for (; turns < 100; turns++) {
    await settle()
    const task = stage.turns.shift()
    if (task === undefined) break
    task()
  }
  expect((await recovering).sequenceNr).toBe(1_001)
  expect(turns).toBeGreaterThanOrEqual(5)
})

test.each([
  ['has events', 'a'],
  ['has none', 'b'],
])('gives it one too when each recovery is short and the next begins at once, of an entity that %s', async (_, id) => {
  await using stage = await Stage.open(['a'], {})
  stage.msPerLook = 1
  const recovering = (async () => {
    for (let i = 0; i < 20; i++) await recover(stage.store, ledger() as never, id)
  })()
  let turns = 0
  for (; turns < 100; turns++) {
    await settle()
    const task = stage.turns.shift()
    if (task === undefined) break
    task()
  }
  await recovering
  expect(turns).toBeGreaterThanOrEqual(4)
})

test('a stop in the middle of a recovery ends it, and what waited for it fails', async () => {
  let folded = 0
  await using stage = await Stage.open(['a'], {}, 1)
  const counting = eventSourced({
    ...ledger(),
    evolve: (labels, event) => {
      folded++
      return ledger().evolve(labels, event)
    },
  })
  const writer = entities(ledger(), stage.store)
  const writing = stage.spawn(writer.behavior)
  for (let i = 0; i < 1_000; i++) writer.tell('a', add('x'))
  await writer.ask('a', read)
  await writing.stop()
  const kind = entities(counting, stage.store)
  const ref = stage.spawn(kind.behavior)
  stage.msPerLook = 3
  const asked = rejection(kind.ask('a', read))
  await settle()
  expect(stage.turns).toHaveLength(1)
  const stopped = ref.stop()
  stage.turns.shift()!()
  await stopped
  expect(await asked).toMatchObject({ code: 'ACTOR_STOPPED' })
  expect(folded).toBeGreaterThan(0)
  expect(folded).toBeLessThan(500)
})

test('a recovery that the journal keeps waiting fails after its time, and is tried again', async () => {
  await using stage = await Stage.open(['a', 'b'], { maxAtOnce: 1, batchTimeoutMs: 100 })
  let hangs = true
  stage.journal.plan = operation => (operation === 'read' && hangs ? { wait: new Promise(() => undefined) } : null)
  const kind = entities(ledger(), stage.store, { backoff: { minMs: 10, maxMs: 10 } })
  stage.spawn(kind.behavior)
  const failed = rejection(recover(stage.store, ledger() as never, 'b'))
  const asked = kind.ask('a', read)
  await stage.pass(200)
  expect(await failed).toMatchObject({ code: 'RECOVERY_TIMEOUT', retryable: true })
  hangs = false
  await stage.pass(250)
  expect(await asked).toEqual(['a'])
  expect(stage.clock.pending).toBe(1)
})

test('one that gets something now and then takes as long as it takes', async () => {
  await using stage = await Stage.open(['a'], { batchTimeoutMs: 100 })
  const inner = stage.journal.read.bind(stage.journal)
  stage.journal.read = async function* (persistenceId, from) {
    for await (const append of inner(persistenceId, from)) {
      for (let i = 0; i < 10; i++) {
        await new Promise<void>(resolve => void stage.clock.after(90, resolve))
        yield { ...append, expectedSequenceNr: 64 * i, records: Array(64).fill(append.records[0]) }
      }
    }
  }
  ;(stage.journal as Journal).lastSequenceNr = () => 640
  const recovering = recover(stage.store, ledger() as never, 'a')
  await stage.pass(1_000)
  expect((await recovering).sequenceNr).toBe(640)
})

test.each([
  [{ maxAtOnce: 0 }, 'maxAtOnce'],
  [{ maxAtOnce: 1.5 }, 'maxAtOnce'],
  [{ batchTimeoutMs: 0 }, 'batchTimeoutMs'],
  [{ batchTimeoutMs: '1' as unknown as number }, 'batchTimeoutMs'],
])('refuses %j', async (options, field) => {
  const ports = { clock: new VirtualStage().clock, executor: { soon: queueMicrotask, later: queueMicrotask } }
  expect(() => new Recoveries(ports, options)).toThrowError(RuntimeError)
  expect(() => new Recoveries(ports, options)).toThrowError(field)
})

import { afterEach, expect, test } from 'vitest'
import { RuntimeError } from '../../src/base/errors.ts'
import { messageBridge } from '../../src/messaging/message-bridge.ts'
import type { SourceMessage } from '../../src/messaging/message-source.ts'
import { routeTo } from '../../src/messaging/route.ts'
import { eventSchema, upcast } from '../../src/persistence/event-schema.ts'
import { eventSourced } from '../../src/persistence/event-sourced.ts'
import { entities } from '../../src/persistence/event-sourced-entities.ts'
import { rejection, settle } from '../kernel/support.ts'
import { failNext, Handed, ledger, Scene } from './support.ts'

const add = (label: string) => ({ type: 'add' as const, label })
const backoff = { minMs: 100, maxMs: 1_000 }

const scenes: Scene[] = []
afterEach(async () => {
  for (const scene of scenes.splice(0)) await scene[Symbol.asyncDispose]()
})

/** A store in which `ledger|bad` has one event, and a journal that says `error` of it while `broken.now` holds. */
const withBroken = async (error: Error) => {
  const scene = await Scene.open()
  scenes.push(scene)
  const broken = { now: false, reads: 0 }
  const { journal } = scene
  const { read } = journal
  journal.read = async function* (persistenceId, from) {
    if (persistenceId === 'ledger|bad') {
      broken.reads++
      if (broken.now) throw error
    }
    yield* read.call(journal, persistenceId, from)
  }
  const first = scene.host()
  await first.kind.ask('bad', add('1'))
  await first.ref.stop()
  broken.now = true
  const { kind } = scene.host({ backoff })
  return { scene, kind, broken }
}

const corrupt = new RuntimeError('JOURNAL_CORRUPT', 'block 7 of partition 0: checksum does not match')

test.each([corrupt, new RuntimeError('JOURNAL_FORMAT', 'block 7 has format 9')])(
  'what is asked of an entity that cannot be recovered fails at once, with its id and the cause: $code',
  async error => {
    const { kind, broken } = await withBroken(error)
    const asked = [rejection(kind.ask('bad', add('2'))), rejection(kind.ask('bad', add('3')))]
    for (const failure of await Promise.all(asked)) {
      expect(failure).toMatchObject({ code: 'RECOVERY_FAILED', cause: error })
      expect(failure.message).toContain('ledger|bad')
      expect(failure.message).toContain(error.message)
    }
    expect(broken.reads).toBe(1)
  },
)

test('it is not tried again by itself, and a sibling notices nothing', async () => {
  const { scene, kind, broken } = await withBroken(corrupt)
  await rejection(kind.ask('bad', add('2')))
  await scene.pass(5_000)
  expect(broken.reads).toBe(1)
  expect(kind.restarts).toBe(0)
  expect(await kind.ask('good', add('1'))).toEqual(['1'])
})

test('while it rests its messages fail with the same error; after the rest the next one tries again', async () => {
  const { scene, kind, broken } = await withBroken(corrupt)
  const first = await rejection(kind.ask('bad', add('2')))
  expect(await rejection(kind.ask('bad', add('3')))).toBe(first)
  expect(broken.reads).toBe(1)
  await scene.pass(105)
  expect(await rejection(kind.ask('bad', add('4')))).toMatchObject({ code: 'RECOVERY_FAILED' })
  expect(broken.reads).toBe(2)
  await scene.pass(205)
  broken.now = false
  expect(await kind.ask('bad', add('5'))).toEqual(['1', '5'])
})

test('what was told to it is a dead letter', async () => {
  const { scene, kind } = await withBroken(corrupt)
  kind.tell('bad', add('2'))
  await settle()
  kind.tell('bad', add('3'))
  await settle()
  expect(scene.letters.map(({ reason, recipient }) => [reason, recipient])).toEqual([
    ['stopped', expect.stringMatching(/\/bad$/)],
    ['stopped', expect.stringMatching(/\/bad$/)],
  ])
})

test('what a log delivered to it is that message failing, also while it rests', async () => {
  const { kind } = await withBroken(corrupt)
  const handed = [new Handed(1), new Handed(2), new Handed(3)] as const
  kind.deliver('bad', add('2'), handed[0])
  kind.deliver('bad', add('3'), handed[1])
  await settle()
  kind.deliver('bad', add('4'), handed[2])
  for (const { outcomes } of handed)
    expect(outcomes).toEqual([{ error: expect.objectContaining({ code: 'RECOVERY_FAILED' }), culprit: true }])
})

test.each(['initial', 'evolve'] as const)('%s that throws at the start is such an error', async which => {
  const scene = await Scene.open()
  scenes.push(scene)
  const first = scene.host()
  await first.kind.ask('bad', add('1'))
  await first.ref.stop()
  const cause = new Error('a bug of mine')
  const definition = eventSourced({
    ...ledger(),
    [which]: () => {
      throw cause
    },
  })
  const kind = entities(definition, scene.store, { backoff })
  scene.spawn(kind.behavior)
  for (const id of which === 'initial' ? ['bad', 'new'] : ['bad']) {
    const failure = await rejection(kind.ask(id, add('2')))
    expect(failure).toMatchObject({ code: 'RECOVERY_FAILED', cause })
    expect(failure.message).toContain(`ledger|${id}`)
    expect(failure.message).toContain('a bug of mine')
  }
})

test.each([
  { code: 'EVENT_UNKNOWN', versions: { Poisoned: 1 }, upcasters: [] },
  {
    code: 'EVENT_UPCAST_FAILED',
    versions: { Added: 2 },
    upcasters: [
      upcast('Added', 1, () => {
        throw new Error('a bug of mine')
      }),
    ],
  },
])('so is an event that the schema cannot read: $code', async ({ code, versions, upcasters }) => {
  const scene = await Scene.open()
  scenes.push(scene)
  const first = scene.host()
  await first.kind.ask('bad', add('1'))
  await first.ref.stop()
  const schema = eventSchema({ versions, upcasters } as never)
  const kind = entities({ ...ledger(), schema }, scene.store, { backoff })
  scene.spawn(kind.behavior)
  expect(await rejection(kind.ask('bad', add('2')))).toMatchObject({
    code: 'RECOVERY_FAILED',
    message: expect.stringContaining('ledger|bad'),
    cause: { code },
  })
})

test('a journal that does not answer is tried again, and what is asked meanwhile waits', async () => {
  const { scene, kind, broken } = await withBroken(corrupt)
  broken.now = false
  failNext(scene.journal, 'lastSequenceNr', 'before', 3)
  const asked = kind.ask('bad', add('2'))
  await scene.pass(1_000)
  expect(await asked).toEqual(['1', '2'])
  expect(kind.restarts).toBe(3)
})

test('a bridge parks what is meant for it with the error, its key behind it, and the rest goes on', async () => {
  const { scene, kind, broken } = await withBroken(corrupt)
  const messages = ['bad', 'good', 'bad', 'good'].map(
    (id, i): SourceMessage => ({
      id: `m${i + 1}`,
      partition: 0,
      position: i + 1,
      type: 'Added',
      payload: id,
      correlationId: null,
    }),
  )
  const bridge = messageBridge({
    name: 'ledgers',
    source: {
      group: 'ledgers',
      open: async () => undefined,
      next: () => messages.shift() ?? null,
      done: () => undefined,
      close: async () => undefined,
    },
    store: scene.store,
    translate: ({ id, payload }) => routeTo(kind, payload as string, add(id)),
    backoff: { minMs: 10, maxMs: 10 },
  })
  scene.spawn(bridge.behavior)
  let settled = false
  const settling = async (): Promise<void> => {
    await settle()
    await bridge.settled()
    settled = true
  }
  void settling()
  for (let ms = 0; !settled && ms < 3_000; ms += 5) await scene.pass(5)
  expect(settled).toBe(true)
  expect((await bridge.parked()).map(({ id, error }) => [id, error])).toEqual([
    ['m1', expect.stringContaining('ledger|bad')],
    ['m3', null],
  ])
  expect(await kind.ask('good', { type: 'read' })).toEqual(['m2', 'm4'])

  broken.now = false
  await scene.pass(2_000)
  expect(await bridge.replay('ledger|bad')).toEqual({ delivered: 2, parked: 0 })
  expect(await kind.ask('bad', { type: 'read' })).toEqual(['1', 'm1', 'm3'])
})

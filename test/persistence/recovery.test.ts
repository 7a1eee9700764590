import fc from 'fast-check'
import { expect, test } from 'vitest'
import { eventSourced } from '../../src/persistence/event-sourced.ts'
import { entities } from '../../src/persistence/event-sourced-entities.ts'
import { memoryJournal, memoryStore } from '../../src/persistence/memory-journal.ts'
import { recover } from '../../src/persistence/recovery.ts'
import { gate, rejection, settle } from '../kernel/support.ts'
import { Handed, ledger, Scene } from './support.ts'

const every = (n: number, keep = 2) => ({ snapshot: { every: n, keep } })

const add = (label: string, times = 1) => ({ type: 'add' as const, label, times })

const snapshotsOf = (scene: Scene, persistenceId = 'ledger|a') =>
  scene.memory.partitions[0]!.snapshots.get(persistenceId) ?? []

test('takes a snapshot after so many records, of the state at its sequence number, and keeps the newest', async () => {
  await using scene = await Scene.open()
  const { kind } = scene.host(every(3))
  // All in one turn: the state is far ahead when the snapshot is written.
  await Promise.all(Array.from({ length: 10 }, (_, i) => kind.ask('a', add(`${i}`))))
  await settle()
  for (let i = 10; i < 20; i++) await kind.ask('a', add(`${i}`))
  const snapshots = snapshotsOf(scene)
  expect(snapshots).toHaveLength(2)
  for (const { sequenceNr, payload } of snapshots)
    expect((payload as { state: readonly string[] }).state).toEqual(scene.labels.slice(0, sequenceNr))
})

test('writes a snapshot only when what it covers is durable', async () => {
  await using scene = await Scene.open()
  const { kind } = scene.host(every(2))
  const { opened, open } = gate()
  let commits = 0
  scene.journal.plan = operation => {
    if (operation !== 'commit') return null
    return commits++ === 0 ? { wait: opened } : { fail: 'before' }
  }
  const first = kind.ask('a', add('1'))
  await settle()
  kind.tell('a', add('2'))
  await settle()
  open()
  expect(await first).toEqual(['1'])
  await scene.pass(0)
  expect(snapshotsOf(scene)).toEqual([])
})

test('goes on when a snapshot cannot be stored, with a warning', async () => {
  await using scene = await Scene.open()
  const { kind } = scene.host(every(2))
  scene.journal.plan = operation => (operation === 'saveSnapshot' ? { fail: 'before' } : null)
  for (let i = 0; i < 5; i++) await kind.ask('a', add(`${i}`))
  expect(scene.warnings().some(line => line.includes('snapshot of 2 not stored'))).toBe(true)
  expect(kind.restarts).toBe(0)
})

test('stores no snapshot of a state that would come back as another one', async () => {
  await using scene = await Scene.open()
  const definition = eventSourced<'add', { type: 'Added' }, { readonly added: Map<number, string> }>({
    name: 'mapped',
    initial: () => ({ added: new Map() }),
    decide: () => ({ events: [{ type: 'Added' }] }),
    evolve: ({ added }) => ({ added: new Map(added).set(added.size, 'x') }),
    snapshot: { every: 1 },
  })
  const kind = entities(definition, scene.store)
  scene.spawn(kind.behavior)
  await kind.ask('a', 'add')
  await settle()
  expect(snapshotsOf(scene, 'mapped|a')).toEqual([])
  expect(scene.warnings().some(line => line.includes('snapshot of 1 not stored'))).toBe(true)
})

test('an unreadable snapshot costs a warning, and the one before serves, or all events', async () => {
  await using scene = await Scene.open()
  const { kind } = scene.host(every(2))
  for (let i = 0; i < 7; i++) await kind.ask('a', add(`${i}`))
  let unreadable = 1
  const { journal } = scene
  const inner = memoryJournal({ store: scene.memory })
  await inner.open()
  journal.loadSnapshots = async function* (persistenceId, onUnreadable) {
    let nth = 0
    for await (const snapshot of inner.loadSnapshots(persistenceId, onUnreadable))
      if (nth++ < unreadable) onUnreadable(new Error('checksum'))
      else yield snapshot
  }
  const definition = ledger({ every: 2 })
  const fromOlder = await recover(scene.store, definition as never, 'a')
  unreadable = 9
  const fromAll = await recover(scene.store, definition as never, 'a')
  expect([fromOlder.snapshotSequenceNr, fromOlder.eventsReplayed]).toEqual([4, 3])
  expect([fromAll.snapshotSequenceNr, fromAll.eventsReplayed]).toEqual([0, 7])
  expect(fromOlder.state).toEqual(fromAll.state)
  expect(scene.warnings()).toHaveLength(3)
})

test('a snapshot of another shape is one that cannot be read', async () => {
  await using scene = await Scene.open()
  const { kind } = scene.host()
  await kind.ask('a', add('1'))
  await scene.journal.saveSnapshot({ persistenceId: 'ledger|a', sequenceNr: 1, timeMs: 0, payload: null }, 1)
  const recovered = await recover(scene.store, ledger({ every: 2 }) as never, 'a')
  expect([recovered.state, recovered.snapshotSequenceNr]).toEqual([['1'], 0])
  expect(scene.warnings()).toHaveLength(1)
})

test('a listener of recoveries that throws keeps nothing from starting', async () => {
  await using scene = await Scene.open()
  const { kind } = scene.host({
    onRecovery: {
      recovered: () => {
        throw new Error('no metrics today')
      },
    },
  })
  expect(await kind.ask('a', add('1'))).toEqual(['1'])
  expect(scene.logger.lines.map(({ text }) => text)).toEqual(['ledger|a: the listener of recoveries failed'])
})

test('refuses a snapshot that is newer than the log', async () => {
  await using scene = await Scene.open()
  const { kind } = scene.host()
  await kind.ask('a', add('1'))
  await scene.journal.saveSnapshot(
    { persistenceId: 'ledger|a', sequenceNr: 9, timeMs: 0, payload: { version: 1, state: [], inbox: [] } },
    1,
  )
  expect(await rejection(recover(scene.store, ledger({ every: 2 }) as never, 'a'))).toMatchObject({
    code: 'RECOVERY_FAILED',
  })
})

test('names the event that evolve fails on', async () => {
  await using scene = await Scene.open()
  await scene.host().kind.ask('a', add('1', 3))
  const broken = {
    ...ledger(),
    evolve: (state: readonly string[]) => {
      if (state.length === 1) throw new Error('no')
      return [...state, 'x']
    },
  }
  const error = await rejection(recover(scene.store, broken as never, 'a'))
  expect(error).toMatchObject({
    code: 'RECOVERY_FAILED',
    message: expect.stringContaining('event 2: evolve failed on Added'),
  })
})

test('says at every recovery what was read', async () => {
  await using scene = await Scene.open()
  const seen: unknown[] = []
  const { kind } = scene.host({
    onRecovery: { recovered: (id, { sequenceNr, eventsReplayed }) => seen.push([id, sequenceNr, eventsReplayed]) },
  })
  await kind.ask('a', add('1', 3))
  kind.tell('a', { type: 'throw' })
  const answer = kind.ask('a', { type: 'read' })
  await scene.pass(200)
  await answer
  expect(seen).toEqual([
    ['ledger|a', 0, 0],
    ['ledger|a', 3, 3],
  ])
})

type Step =
  | { readonly type: 'add' | 'send'; readonly times: number }
  | { readonly type: 'deliver'; readonly position: number; readonly outstanding: readonly number[] }
  | { readonly type: 'throw' | 'unstorable' | 'settle' }

const someStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ type: fc.constantFrom('add', 'send'), times: fc.integer({ min: 1, max: 4 }) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant('deliver' as const),
      position: fc.integer({ min: 1, max: 30 }),
      outstanding: fc.uniqueArray(fc.integer({ min: 1, max: 30 }), { maxLength: 3 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constantFrom('throw', 'unstorable', 'settle') }) },
)

test('state, sequence number and inbox from a snapshot and its tail are those from all events', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(someStep, { maxLength: 40 }),
      fc.integer({ min: 1, max: 7 }),
      fc.integer({ min: 1, max: 3 }),
      async (steps, n, keep) => {
        await using scene = await Scene.open()
        const { kind } = scene.host({ ...every(n, keep), backoff: { minMs: 1, maxMs: 1 } })
        let label = 0
        for (const step of steps)
          switch (step.type) {
            case 'add':
              kind.tell('a', add(`${++label}`, step.times))
              break
            case 'send':
              kind.tell('a', { type: 'send', address: 'x', label: `${++label}` })
              break
            case 'deliver': {
              const lower = step.outstanding.filter(other => other < step.position).sort((a, b) => a - b)
              kind.deliver('a', add(`${++label}`), new Handed(step.position, lower))
              break
            }
            case 'settle':
              await scene.pass(5)
              break
            default:
              kind.tell('a', { type: step.type })
          }
        await scene.pass(20)
        const whole = await recover(scene.store, ledger() as never, 'a')
        const newest = await recover(scene.store, ledger({ every: n }) as never, 'a')
        expect(newest.state).toEqual(whole.state)
        expect(newest.state).toEqual(scene.labels)
        expect(newest.sequenceNr).toBe(whole.sequenceNr)
        expect(newest.inbox.toMarks()).toEqual(whole.inbox.toMarks())
        expect(snapshotsOf(scene).length).toBeLessThanOrEqual(keep)
      },
    ),
    { numRuns: 150 },
  )
})

test('leaves a snapshot of another shape aside, and folds the events again', async () => {
  const memory = memoryStore()
  {
    await using scene = await Scene.open(memory)
    const { kind } = scene.host(every(2))
    await kind.ask('a', add('1', 3))
    await settle()
    expect(snapshotsOf(scene)).toHaveLength(1)
  }
  await using scene = await Scene.open(memory)
  const recoveredWith = (version: number) =>
    recover(scene.store, ledger({ every: 2, version }) as never, 'a').then(
      ({ snapshotSequenceNr, eventsReplayed }) => ({
        snapshotSequenceNr,
        eventsReplayed,
      }),
    )
  expect(await recoveredWith(1)).toEqual({ snapshotSequenceNr: 3, eventsReplayed: 0 })
  expect(await recoveredWith(2)).toEqual({ snapshotSequenceNr: 0, eventsReplayed: 3 })
})

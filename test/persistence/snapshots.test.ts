import { describe, expect, test } from 'vitest'
import { RuntimeError } from '../../src/base/errors.ts'
import type { SnapshotPolicy } from '../../src/persistence/event-sourced.ts'
import { entities } from '../../src/persistence/event-sourced-entities.ts'
import { history, stateAsOf } from '../../src/persistence/history.ts'
import type { Snapshot } from '../../src/persistence/journal.ts'
import { recover } from '../../src/persistence/recovery.ts'
import { gate, rejection, settle } from '../kernel/support.ts'
import { type Event, failNext, type Labels, ledger, Scene } from './support.ts'

const add = (label: string, times = 1) => ({ type: 'add' as const, label, times })
const read = { type: 'read' as const }

const snapshotsOf = (scene: Scene): readonly number[] =>
  (scene.memory.partitions[0]!.snapshots.get('ledger|a') ?? []).map(({ sequenceNr }) => sequenceNr)

const endsMonth = (_labels: Labels, event: Event): boolean => event.type === 'Added' && event.label === 'month'

test('takes a snapshot of the state that an event led to, where the predicate says so', async () => {
  await using scene = await Scene.open()
  const { kind } = scene.host({ snapshot: { when: endsMonth, keep: 9 } as SnapshotPolicy })
  for (const label of ['1', 'month', '2', '3', 'month', '4']) await kind.ask('a', add(label))
  await settle()
  expect(snapshotsOf(scene)).toEqual([5, 2])
})

test('a predicate that says so while a snapshot waits for its turn is heard at the next write', async () => {
  await using scene = await Scene.open()
  const { kind } = scene.host({ snapshot: { when: endsMonth, keep: 9 } as SnapshotPolicy })
  await Promise.all(['month', 'month', '1'].map(label => kind.ask('a', add(label))))
  await kind.ask('a', add('2'))
  await settle()
  expect(snapshotsOf(scene)).toEqual([4, 1])
})

test('a predicate that throws crashes the entity as evolve does, and nothing is stored', async () => {
  await using scene = await Scene.open()
  const when = (): boolean => {
    throw new Error('no')
  }
  const { kind } = scene.host({ snapshot: { when } })
  expect(await rejection(kind.ask('a', add('1')))).toMatchObject({ code: 'ACTOR_CRASHED' })
  expect(scene.labels).toEqual([])
})

test('stores a snapshot when it is passivated and when it is stopped, where something has changed', async () => {
  await using scene = await Scene.open()
  const seen: unknown[] = []
  const { kind, ref } = scene.host({
    snapshot: { onStop: true, keep: 9 },
    passivateAfterMs: 100,
    onRecovery: {
      recovered: (_id, { snapshotSequenceNr, eventsReplayed }) => seen.push([snapshotSequenceNr, eventsReplayed]),
    },
  })
  await kind.ask('a', add('1', 3))
  await scene.pass(200)
  expect(kind.live).toBe(0)
  expect(snapshotsOf(scene)).toEqual([3])
  expect(await kind.ask('a', read)).toEqual(['1', '1', '1'])
  await scene.pass(200)
  expect(snapshotsOf(scene)).toEqual([3])
  await kind.ask('a', add('2'))
  await ref.stop()
  expect(snapshotsOf(scene)).toEqual([4, 3])
  expect(seen).toEqual([
    [0, 0],
    [3, 0],
    [3, 0],
  ])
})

test('stores none when it is killed, and the end of one that cannot be stored waits for nothing', async () => {
  await using scene = await Scene.open()
  const first = scene.host({ snapshot: { onStop: true } })
  await first.kind.ask('a', add('1'))
  first.ref.kill()
  await settle()
  expect(snapshotsOf(scene)).toEqual([])
  const second = scene.host({ snapshot: { onStop: true } })
  scene.journal.plan = operation => (operation === 'saveSnapshot' ? { fail: 'before' } : null)
  await second.kind.ask('a', add('2'))
  await second.ref.stop()
  expect(scene.warnings()).toEqual(['ledger|a: snapshot of 2 not stored'])
})

const deletingPolicy: SnapshotPolicy = { every: 2, keep: 2, deleteEvents: true }

const labelsFrom = async (scene: Scene): Promise<readonly string[]> => {
  const found: string[] = []
  for await (const { payload } of history(scene.store, 'ledger', 'a')) found.push((payload as { label: string }).label)
  return found
}

test('deletes the events that the oldest kept snapshot covers, and its state is what it was', async () => {
  await using scene = await Scene.open()
  const { kind, ref } = scene.host({ snapshot: deletingPolicy })
  for (let i = 1; i <= 7; i++) {
    await kind.ask('a', add(`${i}`))
    await settle()
  }
  expect(snapshotsOf(scene)).toEqual([6, 4])
  expect(await labelsFrom(scene)).toEqual(['5', '6', '7'])
  await ref.stop()
  const again = scene.host({ snapshot: deletingPolicy })
  expect(await again.kind.ask('a', add('8'))).toEqual(['1', '2', '3', '4', '5', '6', '7', '8'])
  // A process that has seen only the newest one keeps what the older one needs.
  await settle()
  expect(await labelsFrom(scene)).toEqual(['7', '8'])
})

test('deletes nothing before the snapshot is stored, and nothing when it is not', async () => {
  await using scene = await Scene.open()
  const { kind } = scene.host({ snapshot: { every: 2, keep: 1, deleteEvents: true } })
  const { opened, open } = gate()
  scene.journal.plan = operation => (operation === 'saveSnapshot' ? { wait: opened, fail: 'before' } : null)
  await kind.ask('a', add('1', 2))
  await scene.pass(50)
  expect(await labelsFrom(scene)).toEqual(['1', '1'])
  open()
  await scene.pass(50)
  expect(await labelsFrom(scene)).toEqual(['1', '1'])
  scene.journal.plan = () => null
  await kind.ask('a', add('2', 2))
  await settle()
  expect(await labelsFrom(scene)).toEqual([])
})

test('a deletion that fails is a warning, and the next one makes up for it', async () => {
  await using scene = await Scene.open()
  failNext(scene.journal, 'deleteTo', 'before')
  const { kind } = scene.host({ snapshot: { every: 1, keep: 1, deleteEvents: true } })
  await kind.ask('a', add('1'))
  await settle()
  expect(scene.warnings()).toEqual(['ledger|a: events up to 1 not deleted'])
  await kind.ask('a', add('2'))
  await settle()
  expect(await labelsFrom(scene)).toEqual([])
})

test('falls back to the older snapshot, whose events are there, and fails where none can be read', async () => {
  await using scene = await Scene.open()
  const { kind } = scene.host({ snapshot: deletingPolicy })
  for (let i = 1; i <= 5; i++) {
    await kind.ask('a', add(`${i}`))
    await settle()
  }
  let unreadable = 1
  scene.journal.loadSnapshots = async function* (persistenceId, onUnreadable): AsyncIterable<Snapshot> {
    for (const [nth, snapshot] of scene.memory.partitions[0]!.snapshots.get(persistenceId)!.entries())
      if (nth < unreadable) onUnreadable(new Error('checksum'))
      else yield snapshot
  }
  const recovered = await recover(scene.store, ledger(deletingPolicy) as never, 'a')
  expect([recovered.snapshotSequenceNr, recovered.state]).toEqual([2, ['1', '2', '3', '4', '5']])
  unreadable = 2
  const error = await rejection(recover(scene.store, ledger(deletingPolicy) as never, 'a'))
  expect(error).toMatchObject({
    code: 'RECOVERY_FAILED',
    message: expect.stringContaining('events 1 to 2 were deleted'),
  })
})

test('fails where all events were deleted and no snapshot is left, and does not begin anew', async () => {
  await using scene = await Scene.open()
  const { kind } = scene.host()
  await kind.ask('a', add('1', 3))
  await scene.store.deleteTo('ledger|a', 3)
  expect(await rejection(recover(scene.store, ledger() as never, 'a'))).toMatchObject({ code: 'RECOVERY_FAILED' })
})

test('a state that needs deleted events is refused, however it is asked for', async () => {
  await using scene = await Scene.open()
  const { kind } = scene.host({ snapshot: { every: 2, keep: 1, deleteEvents: true } })
  await kind.ask('a', add('1', 2))
  await settle()
  for (const state of [0, 1, 2, 3])
    expect(await rejection(stateAsOf(scene.store, ledger() as never, 'a', { sequenceNr: state }))).toMatchObject({
      code: 'JOURNAL_DELETED',
    })
  await kind.ask('a', add('2'))
  expect(await rejection(stateAsOf(scene.store, ledger() as never, 'a', { sequenceNr: 3 }))).toMatchObject({
    code: 'JOURNAL_DELETED',
  })
})

test('refuses to delete events on a journal that cannot', async () => {
  await using scene = await Scene.open()
  Object.assign(scene.journal, { deleteTo: undefined })
  expect(() => entities(ledger(deletingPolicy), scene.store)).toThrowError(
    expect.objectContaining({ code: 'DEFINITION_INVALID' }),
  )
})

describe('a store that was taken over learns of it', () => {
  const unaware = () => settle().then(() => 'unaware')

  test('from a snapshot, and its entities end and answer nothing more', async () => {
    await using scene = await Scene.open()
    const { kind } = scene.host({ snapshot: { onStop: true }, passivateAfterMs: 100 })
    await kind.ask('a', add('1'))
    await using _other = await Scene.open(scene.memory)
    await scene.pass(200)
    expect(await Promise.race([scene.store.whenFenced, unaware()])).toMatchObject({ code: 'JOURNAL_FENCED' })
    expect(await rejection(kind.ask('a', add('2')))).toMatchObject({ code: 'ACTOR_STOPPED' })
    expect(scene.labels).toEqual(['1'])
  })

  test('from a deletion of events', async () => {
    await using scene = await Scene.open()
    const taken = new RuntimeError('JOURNAL_FENCED', 'another one has it')
    Object.assign(scene.journal, { deleteTo: () => Promise.reject(taken) })
    const { kind } = scene.host({ snapshot: { every: 1, keep: 1, deleteEvents: true } })
    await kind.ask('a', add('1'))
    expect(await Promise.race([scene.store.whenFenced, unaware()])).toBe(taken)
  })

  test('but not from a snapshot that failed otherwise', async () => {
    await using scene = await Scene.open()
    failNext(scene.journal, 'saveSnapshot', 'before', 1)
    const { kind } = scene.host({ snapshot: { every: 1 } })
    await kind.ask('a', add('1'))
    expect(await Promise.race([scene.store.whenFenced, unaware()])).toBe('unaware')
    expect(await kind.ask('a', add('2'))).toEqual(['1', '2'])
  })
})

import { describe, expect, test } from 'vitest'
import type { RuntimeError } from '../../src/base/errors.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { systemPorts } from '../../src/base/ports.ts'
import { NO_CAUSE } from '../../src/persistence/command-cause.ts'
import { EventStore } from '../../src/persistence/event-store.ts'
import type { StoredAppend } from '../../src/persistence/journal.ts'
import { memoryJournal, memoryStore } from '../../src/persistence/memory-journal.ts'
import { type AppendOwner, PendingAppend } from '../../src/persistence/pending-append.ts'
import { FaultyJournal } from '../../src/testkit/faults/faulty-journal.ts'
import { gate, settle } from '../kernel/support.ts'
import { append as appendOther } from './other-writer.ts'
import { failNext, Scene } from './support.ts'

class Owner implements AppendOwner {
  readonly outcomes: string[] = []
  readonly appends = new Map<PendingAppend, string>()
  appended(append: PendingAppend): void {
    this.outcomes.push(`${labelOf(append)} at ${append.position}`)
  }
  appendFailed(append: PendingAppend, error: RuntimeError): void {
    this.outcomes.push(`${labelOf(append)}: ${error.code}`)
  }
}

const labelOf = ({ records }: StoredAppend): string => (records[0]!.payload as { label: string }).label

const appendTo = (scene: Scene, owner: AppendOwner, persistenceId: string, expectedSequenceNr: number, label: string) =>
  scene.store.append(
    new PendingAppend(
      {
        persistenceId,
        expectedSequenceNr,
        appendId: scene.store.nextAppendId(),
        timeMs: 0,
        ...NO_CAUSE,
        compensates: null,
        handled: null,
        records: [{ kind: 'event', type: 'Added', version: 1, payload: { type: 'Added', label } }],
      },
      owner,
    ),
  )

/** A log for cursors to move in. */
const fill = async (scene: Scene): Promise<void> => {
  for (let nr = 0; nr < 4; nr++) appendTo(scene, new Owner(), 'filling', nr, 'one of four')
  await settle()
}

const following = (scene: Scene): string[] => {
  const seen: string[] = []
  scene.store.follow(0, { committed: appends => seen.push(...appends.map(labelOf)) })
  return seen
}

test('followers learn of a commit before its writers, in the order of positions', async () => {
  await using scene = await Scene.open()
  const owner = new Owner()
  const order = owner.outcomes
  scene.store.follow(0, { committed: appends => order.push(...appends.map(append => `${append.position} seen`)) })
  appendTo(scene, owner, 'a', 0, 'a1')
  appendTo(scene, owner, 'b', 0, 'b1')
  await settle()
  expect(order).toEqual(['1 seen', '2 seen', 'a1 at 1', 'b1 at 2'])
  expect(scene.store.lastPosition(0)).toBe(2)
})

test('a follower that has ended hears of nothing more, and the others go on', async () => {
  await using scene = await Scene.open()
  const staying = following(scene)
  const ended: string[] = []
  const end = scene.store.follow(0, { committed: appends => ended.push(...appends.map(labelOf)) })
  appendTo(scene, new Owner(), 'a', 0, 'a1')
  await settle()
  end()
  appendTo(scene, new Owner(), 'a', 1, 'a2')
  await settle()
  expect([staying, ended]).toEqual([['a1', 'a2'], ['a1']])
})

/** Groups of labels as they were written, where a1 sets off a2 and c1 while b1 may wait, and the write of a1 takes `tookMs`. */
const groupsAfter = async (tookMs: number, waits: boolean): Promise<readonly string[]> => {
  await using scene = await Scene.open()
  const { opened, open } = gate()
  let commits = 0
  scene.journal.plan = operation => (operation === 'commit' && commits++ === 0 ? { wait: opened } : null)
  const groups: string[] = []
  scene.store.follow(0, { committed: appends => groups.push(appends.map(labelOf).join(' ')) })
  const quiet = new Owner()
  const chain: AppendOwner = {
    appended: () => {
      appendTo(scene, quiet, 'a', 1, 'a2')
      // What that one sets off in turn, some microtasks later.
      void Promise.resolve()
        .then(() => undefined)
        .then(() => undefined)
        .then(() => appendTo(scene, quiet, 'c', 0, 'c1'))
    },
    appendFailed: (_append, error) => {
      throw error
    },
  }
  appendTo(scene, chain, 'a', 0, 'a1')
  await settle()
  if (waits) appendTo(scene, quiet, 'b', 0, 'b1')
  scene.clock.advance(tookMs)
  open()
  await settle()
  return groups
}

test('begins the next write at once after a fast one', async () => {
  expect(await groupsAfter(0.1, true)).toEqual(['a1', 'b1', 'a2', 'c1'])
  expect(await groupsAfter(0.1, false)).toEqual(['a1', 'a2', 'c1'])
})

test('writes what a slower write sets off together, with what had been waiting and without', async () => {
  expect(await groupsAfter(0.4, true)).toEqual(['a1', 'b1 a2 c1'])
  expect(await groupsAfter(0.4, false)).toEqual(['a1', 'a2 c1'])
})

test('writes at most 1,024 appends at once, in their order, and the rest after them', async () => {
  await using scene = await Scene.open()
  const owner = new Owner()
  const groups: string[][] = []
  scene.store.follow(0, { committed: appends => groups.push(appends.map(labelOf)) })
  const labels = Array.from({ length: 2_500 }, (_, i) => `${i}`)
  for (const label of labels) appendTo(scene, owner, `id ${label}`, 0, label)
  await settle()
  expect(groups.map(group => group.length)).toEqual([1_024, 1_024, 452])
  expect(groups.flat()).toEqual(labels)
  expect(owner.outcomes).toEqual(labels.map((label, i) => `${label} at ${i + 1}`))
})

test('an error that is none of ours leaves open what was written: the append may be tried again', async () => {
  await using scene = await Scene.open()
  const cause = new Error('socket hang up')
  const errors: RuntimeError[] = []
  scene.journal.commit = () => Promise.reject(cause)
  appendTo(scene, { appended: () => undefined, appendFailed: (_, error) => errors.push(error) }, 'a', 0, 'a1')
  await settle()
  expect(errors).toMatchObject([{ code: 'JOURNAL_UNAVAILABLE', retryable: true, cause }])
})

test('a partition that the store does not have is refused by its number', async () => {
  await using scene = await Scene.open()
  for (const use of [
    () => scene.store.lastPosition(7),
    () => scene.store.moveCursor(7, 'group', 1),
    () => scene.store.follow(7, { committed: () => undefined }),
  ])
    expect(use).toThrow(expect.objectContaining({ code: 'JOURNAL_CLOSED', message: 'memory has no partition 7' }))
})

test('a conflict fails its append, and those of the id that were queued behind it', async () => {
  await using scene = await Scene.open()
  const owner = new Owner()
  const { opened, open } = gate()
  let commits = 0
  scene.journal.plan = operation => (operation === 'commit' && commits++ === 0 ? { wait: opened } : null)
  appendTo(scene, owner, 'a', 0, 'a1')
  appendTo(scene, owner, 'b', 0, 'b1')
  await settle()
  appendTo(scene, owner, 'a', 1, 'a2')
  appendTo(scene, owner, 'b', 1, 'b2')
  appendOther(scene.memory, 'a', 0, ['theirs'])
  open()
  await settle()
  expect(owner.outcomes).toEqual([
    'a1: JOURNAL_SEQUENCE_CONFLICT',
    'b1 at 2',
    'a2: JOURNAL_SEQUENCE_CONFLICT',
    'b2 at 3',
  ])
  expect(scene.labels).toEqual(['theirs', 'b1', 'b2'])
})

test('a conflict names the number that was expected and the one that is there', async () => {
  await using scene = await Scene.open()
  const errors: Error[] = []
  const owner: AppendOwner = { appended: () => undefined, appendFailed: (_, error) => errors.push(error) }
  appendOther(scene.memory, 'a', 0, ['theirs', 'too'])
  appendTo(scene, owner, 'a', 0, 'a1')
  await settle()
  expect(errors.map(error => error.message)).toEqual([
    expect.stringMatching(/^a: append expected sequence number 0, journal is at 2\./),
  ])
})

describe('a second event store on the same journal', () => {
  const onSameJournal = async (scene: Scene): Promise<EventStore> =>
    EventStore.open(scene.journal, { ...scene.store.ports })

  test('fences the first at once, and works itself', async () => {
    await using scene = await Scene.open()
    const [older, newer] = [scene.store, await onSameJournal(scene)]
    const owner = new Owner()
    scene.store = newer
    appendTo(scene, owner, 'a', 0, 'new')
    await settle()
    scene.store = older
    appendTo(scene, owner, 'b', 0, 'old')
    await settle()
    scene.store = newer
    appendTo(scene, owner, 'a', 1, 'newer')
    await settle()
    expect(owner.outcomes).toEqual(['new at 1', 'old: JOURNAL_FENCED', 'newer at 2'])
    expect(await older.whenFenced).toMatchObject({ code: 'JOURNAL_FENCED' })
  })

  test('goes on after the first is closed', async () => {
    await using scene = await Scene.open()
    const older = scene.store
    scene.store = await onSameJournal(scene)
    await older.close()
    const owner = new Owner()
    appendTo(scene, owner, 'a', 0, 'a1')
    await settle()
    expect(owner.outcomes).toEqual(['a1 at 1'])
  })
})

test('cursors that cannot be stored are warned of now and then, and again after a success', async () => {
  await using scene = await Scene.open()
  await fill(scene)
  let storable = false
  scene.journal.plan = operation => (operation === 'saveCursors' && !storable ? { fail: 'before' } : null)
  scene.store.moveCursor(0, 'risk', 1)
  // First after 250 ms, then four times a second; said again after ten seconds.
  await scene.pass(10_200)
  expect(scene.warnings()).toEqual([expect.stringContaining('cursors of partition 0 not stored')])
  await scene.pass(100)
  expect(scene.warnings()).toHaveLength(2)
  storable = true
  await scene.pass(500)
  expect(scene.memory.partitions[0]!.cursors).toEqual(new Map([['risk', 1]]))
  storable = false
  scene.store.moveCursor(0, 'risk', 2)
  await scene.pass(500)
  expect(scene.warnings()).toHaveLength(3)
})

test('a group name that no journal would take is refused before anything waits for it', async () => {
  await using scene = await Scene.open()
  for (const group of ['', 'x'.repeat(513)])
    expect(() => scene.store.cursor(0, group)).toThrow(expect.objectContaining({ code: 'JOURNAL_MISCONFIGURED' }))
})

test('a cursor that is no position is refused; one beyond the end of the log waits for it, and no append waits', async () => {
  await using scene = await Scene.open()
  for (const wrong of [Number.NaN, -1, 0.5, '1', undefined])
    expect(() => scene.store.moveCursor(0, 'group', wrong as number)).toThrow(
      expect.objectContaining({ code: 'JOURNAL_MISCONFIGURED' }),
    )
  const stored = (): unknown => scene.memory.partitions[0]!.cursors.get('group')
  scene.store.moveCursor(0, 'group', 5)
  await fill(scene)
  expect([scene.store.lastPosition(0), stored()]).toEqual([4, undefined])
  await scene.pass(300)
  expect([scene.warnings(), stored()]).toEqual([[expect.stringContaining('cursors of partition 0 not')], undefined])
  appendTo(scene, new Owner(), 'a', 0, 'a1')
  await settle()
  await scene.pass(300)
  expect(stored()).toBe(5)
})

test('a journal whose cursors cannot be read is closed again', async () => {
  const journal = new FaultyJournal(memoryJournal())
  failNext(journal, 'loadCursors', 'before')
  await expect(EventStore.open(journal, { ...systemPorts, logger: silentLogger })).rejects.toMatchObject({
    code: 'JOURNAL_UNAVAILABLE',
  })
  await expect(journal.lastPosition(0)).rejects.toMatchObject({ code: 'JOURNAL_CLOSED' })
})

test('a failed write fails its appends and those of the same ids behind it, and goes on with the others', async () => {
  await using scene = await Scene.open()
  const owner = new Owner()
  const { opened, open } = gate()
  let commits = 0
  scene.journal.plan = operation =>
    operation === 'commit' && commits++ === 0 ? { wait: opened, fail: 'before' } : null
  appendTo(scene, owner, 'a', 0, 'a1')
  await settle()
  appendTo(scene, owner, 'a', 1, 'a2')
  appendTo(scene, owner, 'b', 0, 'b1')
  open()
  await settle()
  expect(owner.outcomes.toSorted()).toEqual(['a1: JOURNAL_UNAVAILABLE', 'a2: WRITE_REJECTED', 'b1 at 1'])
})

test('followers learn of a write whose answer was lost, though nothing else is ever written', async () => {
  await using scene = await Scene.open()
  const seen = following(scene)
  failNext(scene.journal, 'commit', 'after')
  const owner = new Owner()
  appendTo(scene, owner, 'a', 0, 'a1')
  await settle()
  expect(owner.outcomes).toEqual(['a1: JOURNAL_UNAVAILABLE'])
  expect(seen).toEqual(['a1'])
  expect(scene.store.lastPosition(0)).toBe(1)
})

test('looks once for what may have been lost, and not before every write from then on', async () => {
  await using scene = await Scene.open()
  failNext(scene.journal, 'commit', 'after')
  appendTo(scene, new Owner(), 'a', 0, 'a1')
  await settle()
  let looks = 0
  scene.journal.plan = operation => {
    if (operation === 'readLog') looks++
    return null
  }
  for (const nr of [0, 1, 2]) {
    appendTo(scene, new Owner(), 'b', nr, `b${nr + 1}`)
    await settle()
  }
  await scene.pass(1_000)
  expect([scene.labels, looks]).toEqual([['a1', 'b1', 'b2', 'b3'], 0])
})

test('looks for it again while the log cannot be read, and shows it once and in order', async () => {
  await using scene = await Scene.open()
  const seen = following(scene)
  let readable = false
  let commits = 0
  scene.journal.plan = operation => {
    if (operation === 'commit' && commits++ === 0) return { fail: 'after' }
    return operation === 'readLog' && !readable ? { fail: 'before' } : null
  }
  const owner = new Owner()
  appendTo(scene, owner, 'a', 0, 'a1')
  await settle()
  expect(owner.outcomes).toEqual(['a1: JOURNAL_UNAVAILABLE'])
  appendTo(scene, owner, 'b', 0, 'b1')
  await settle()
  expect(owner.outcomes).toEqual(['a1: JOURNAL_UNAVAILABLE', 'b1: JOURNAL_UNAVAILABLE'])
  expect(seen).toEqual([])
  readable = true
  await scene.pass(250)
  expect(seen).toEqual(['a1'])
  appendTo(scene, owner, 'c', 0, 'c1')
  await settle()
  expect(seen).toEqual(['a1', 'c1'])
})

test('an abandoned append that is queued is not written; one under way is waited for', async () => {
  await using scene = await Scene.open()
  const owner = new Owner()
  const { opened, open } = gate()
  let commits = 0
  scene.journal.plan = operation => (operation === 'commit' && commits++ === 0 ? { wait: opened } : null)
  appendTo(scene, owner, 'a', 0, 'a1')
  await settle()
  appendTo(scene, owner, 'a', 1, 'a2')
  scene.store.abandon('a')
  let settled = false
  void scene.store.settled('a')!.then(() => {
    settled = true
  })
  await settle()
  expect(settled).toBe(false)
  expect(scene.store.settled('b')).toBeNull()
  open()
  await settle()
  expect(settled).toBe(true)
  expect(scene.store.settled('a')).toBeNull()
  expect(scene.labels).toEqual(['a1'])
})

test('stores cursors with the next write, or a little later alone', async () => {
  await using scene = await Scene.open()
  await fill(scene)
  const stored = (): unknown => Object.fromEntries(scene.memory.partitions[0]!.cursors)
  scene.store.moveCursor(0, 'group', 3)
  appendTo(scene, new Owner(), 'a', 0, 'a1')
  await settle()
  expect(stored()).toEqual({ group: 3 })
  scene.store.moveCursor(0, 'group', 4)
  await scene.pass(250)
  expect(stored()).toEqual({ group: 4 })
})

test('stores cursors once: a write takes none along that are stored already', async () => {
  await using scene = await Scene.open()
  await fill(scene)
  const { journal } = scene
  const commit = journal.commit.bind(journal)
  const taken: boolean[] = []
  journal.commit = (partition, appends, cursors) => {
    taken.push(cursors !== undefined)
    return commit(partition, appends, cursors)
  }
  scene.store.moveCursor(0, 'group', 3)
  await scene.pass(300)
  appendTo(scene, new Owner(), 'a', 0, 'a1')
  await settle()
  scene.store.moveCursor(0, 'group', 4)
  for (const nr of [1, 2]) {
    appendTo(scene, new Owner(), 'a', nr, `a${nr + 1}`)
    await settle()
  }
  expect(taken).toEqual([false, true, false])
})

test('stores cursors that moved while a write was under way, though nothing is written after it', async () => {
  await using scene = await Scene.open()
  await fill(scene)
  const { opened, open } = gate()
  scene.journal.plan = operation => (operation === 'commit' ? { wait: opened } : null)
  appendTo(scene, new Owner(), 'a', 0, 'a1')
  await settle()
  scene.store.moveCursor(0, 'group', 3)
  await scene.pass(300)
  open()
  await scene.pass(300)
  expect(scene.memory.partitions[0]!.cursors.get('group')).toBe(3)
})

test('stores cursors again that could not be stored, alone or with a write', async () => {
  await using scene = await Scene.open()
  await fill(scene)
  failNext(scene.journal, 'saveCursors', 'before')
  scene.store.moveCursor(0, 'group', 3)
  await scene.pass(250)
  expect(scene.memory.partitions[0]!.cursors.size).toBe(0)
  await scene.pass(250)
  expect(scene.memory.partitions[0]!.cursors.get('group')).toBe(3)
  failNext(scene.journal, 'commit', 'before')
  scene.store.moveCursor(0, 'group', 4)
  appendTo(scene, new Owner(), 'a', 0, 'a1')
  await scene.pass(500)
  expect(scene.memory.partitions[0]!.cursors.get('group')).toBe(4)
})

test('closing writes what is queued and the cursors; later appends fail with JOURNAL_CLOSED', async () => {
  await using scene = await Scene.open()
  const owner = new Owner()
  appendTo(scene, owner, 'a', 0, 'a1')
  scene.store.moveCursor(0, 'group', 1)
  await scene.store.close()
  expect(scene.memory.partitions[0]!.cursors.get('group')).toBe(1)
  appendTo(scene, owner, 'a', 1, 'a2')
  await settle()
  expect(owner.outcomes).toEqual(['a1 at 1', 'a2: JOURNAL_CLOSED'])
  expect(scene.clock.pending).toBe(0)
})

test('closes the journal though the cursors cannot be stored', async () => {
  await using scene = await Scene.open()
  failNext(scene.journal, 'saveCursors', 'before', 9)
  scene.store.moveCursor(0, 'group', 1)
  await scene.store.close()
  expect(scene.warnings()).toHaveLength(1)
  await expect(scene.journal.lastPosition(0)).rejects.toMatchObject({ code: 'JOURNAL_CLOSED' })
})

test('learns that it is fenced from its cursors too, and then refuses every append', async () => {
  const memory = memoryStore()
  await using scene = await Scene.open(memory)
  await using _other = await Scene.open(memory)
  scene.store.moveCursor(0, 'group', 1)
  await scene.pass(250)
  expect(await scene.store.whenFenced).toMatchObject({ code: 'JOURNAL_FENCED' })
  const owner = new Owner()
  appendTo(scene, owner, 'a', 0, 'a1')
  await settle()
  expect(owner.outcomes).toEqual(['a1: JOURNAL_FENCED'])
  expect(scene.clock.pending).toBe(0)
})

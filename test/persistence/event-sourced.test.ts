import { expect, test } from 'vitest'
import { gate, rejection, settle } from '../kernel/support.ts'
import { append } from './other-writer.ts'
import { failNext, Handed, Scene } from './support.ts'

const add = (label: string) => ({ type: 'add' as const, label })
const read = { type: 'read' as const }

/** What settled, in the order it did. */
const recorder = () => {
  const order: string[] = []
  return {
    order,
    note: (name: string, promise: Promise<unknown>) => {
      promise.then(
        () => order.push(name),
        (error: { code?: string }) => order.push(`${name}: ${error.code}`),
      )
    },
  }
}

test('answers once the events are durable, not before', async () => {
  await using scene = await Scene.open()
  const { kind } = scene.host()
  const { opened, open } = gate()
  scene.journal.plan = operation => (operation === 'commit' ? { wait: opened } : null)
  const { order, note } = recorder()
  note('add', kind.ask('a', add('1')))
  const delivery = new Handed(1)
  kind.deliver('a', add('2'), delivery)
  await settle()
  expect(order).toEqual([])
  expect(delivery.outcomes).toEqual([])
  open()
  await settle()
  expect(order).toEqual(['add'])
  expect(delivery.outcomes).toEqual(['done'])
  expect(scene.labels).toEqual(['1', '2'])
})

test('answers a read-only command at once when nothing is unflushed', async () => {
  await using scene = await Scene.open()
  const { kind } = scene.host()
  await kind.ask('a', add('1'))
  scene.journal.plan = operation => (operation === 'commit' ? { wait: new Promise(() => undefined) } : null)
  expect(await kind.ask('a', read)).toEqual(['1'])
})

test('answers a read-only command after the unflushed events that it reflects, in the order of commands', async () => {
  await using scene = await Scene.open()
  const { kind } = scene.host()
  const { opened, open } = gate()
  scene.journal.plan = operation => (operation === 'commit' ? { wait: opened } : null)
  const { order, note } = recorder()
  note('add 1', kind.ask('a', add('1')))
  note('read 1', kind.ask('a', read))
  note('refused', kind.ask('a', { type: 'unstorable' }))
  note('add 2', kind.ask('a', add('2')))
  const last = kind.ask('a', read)
  note('read 2', last)
  await settle()
  expect(order).toEqual([])
  open()
  expect(await last).toEqual(['1', '2'])
  expect(order).toEqual(['add 1', 'read 1', 'refused: EVENT_NOT_STORABLE', 'add 2', 'read 2'])
})

test('a write gives the answers that it made durable, and not those of the next one', async () => {
  await using scene = await Scene.open()
  const { kind } = scene.host()
  const gates = [gate(), gate()]
  let commits = 0
  scene.journal.plan = operation => (operation === 'commit' ? { wait: gates[commits++]!.opened } : null)
  const { order, note } = recorder()
  note('add 1', kind.ask('a', add('1')))
  await settle()
  note('add 2', kind.ask('a', add('2')))
  note('read', kind.ask('a', read))
  await settle()
  gates[0]!.open()
  await settle()
  expect(order).toEqual(['add 1'])
  gates[1]!.open()
  await settle()
  expect(order).toEqual(['add 1', 'add 2', 'read'])
})

test('resolves an ask without a reply with undefined, once what it decided is durable', async () => {
  await using scene = await Scene.open()
  const { kind } = scene.host()
  expect(await kind.ask('a', { type: 'silent' })).toBeUndefined()
  expect(await kind.ask('a', { type: 'send', address: 'x', label: '1' })).toBeUndefined()
  expect(scene.labels).toEqual(['1'])
})

test('stores events and what is sent in one append, with its cause', async () => {
  await using scene = await Scene.open()
  const { kind } = scene.host()
  await kind.ask('a', { type: 'send', address: 'risk', label: '1' })
  expect(scene.log).toHaveLength(1)
  expect(scene.log[0]!.records.map(({ kind: recordKind, type }) => [recordKind, type])).toEqual([
    ['event', 'Added'],
    ['command', 'risk'],
  ])
})

test('writes what came while a write was under way in one next write, and all actors together', async () => {
  await using scene = await Scene.open()
  const { kind } = scene.host()
  const { opened, open } = gate()
  let commits = 0
  scene.journal.plan = operation => (operation === 'commit' && commits++ === 0 ? { wait: opened } : null)
  const first = kind.ask('a', add('1'))
  await settle()
  const later = ['b', 'c', 'a', 'd', 'a'].map(id => kind.ask(id, add('2')))
  await settle()
  expect(commits).toBe(1)
  open()
  await Promise.all([first, ...later])
  expect(commits).toBe(2)
})

test.each(['before', 'after'] as const)(
  'a write that fails %s it took effect: state thrown away, nothing acknowledged',
  async fail => {
    await using scene = await Scene.open()
    const { kind } = scene.host()
    await kind.ask('a', add('1'))
    failNext(scene.journal, 'commit', fail)
    const delivery = new Handed(1)
    const failed = rejection(kind.ask('a', add('2')))
    kind.deliver('a', add('3'), delivery)
    const readOfIt = rejection(kind.ask('a', read))
    await scene.pass(0)
    expect(await failed).toMatchObject({ code: 'WRITE_UNCERTAIN', cause: { code: 'JOURNAL_UNAVAILABLE' } })
    expect(await readOfIt).toMatchObject({ code: 'WRITE_REJECTED', retryable: true })
    expect(delivery.outcomes).toEqual([
      { error: expect.objectContaining({ code: 'JOURNAL_UNAVAILABLE' }), culprit: false },
    ])
    const answer = kind.ask('a', read)
    await scene.pass(200)
    expect(await answer).toEqual(fail === 'before' ? ['1'] : ['1', '2', '3'])
  },
)

test('says which commands of a failed write may be stored, and which are not', async () => {
  await using scene = await Scene.open()
  const { kind } = scene.host()
  await kind.ask('a', add('1'))
  const { opened, open } = gate()
  let commits = 0
  scene.journal.plan = operation => (operation === 'commit' && commits++ === 0 ? { wait: opened, fail: 'after' } : null)
  const sent = [rejection(kind.ask('a', add('2'))), rejection(kind.ask('a', add('3')))]
  await settle()
  // Decided on a state that may be lost, and not sent to the journal yet.
  const behind = [rejection(kind.ask('a', add('4'))), rejection(kind.ask('a', read))]
  const refused = rejection(kind.ask('a', { type: 'unstorable' }))
  await settle()
  open()
  await scene.pass(0)
  const codes = (errors: readonly Error[]) => errors.map(error => (error as unknown as { code: string }).code)
  expect(codes(await Promise.all(sent))).toEqual(['WRITE_UNCERTAIN', 'WRITE_UNCERTAIN'])
  expect(codes(await Promise.all(behind))).toEqual(['WRITE_REJECTED', 'WRITE_REJECTED'])
  expect(codes([await refused])).toEqual(['EVENT_NOT_STORABLE'])
  const answer = kind.ask('a', read)
  await scene.pass(200)
  expect(await answer).toEqual(['1', '2', '3'])
})

test('a read waits for no write of another entity, and for none of its own that it cannot reflect', async () => {
  await using scene = await Scene.open()
  const { kind } = scene.host()
  await kind.ask('a', add('1'))
  await kind.ask('b', add('1'))
  const { opened, open } = gate()
  scene.journal.plan = operation => (operation === 'commit' ? { wait: opened } : null)
  const others = ['b', 'c', 'd'].map(id => kind.ask(id, add('2')))
  await settle()
  expect(await kind.ask('a', read)).toEqual(['1'])
  // A command that decides nothing is such a read, too, and so is a redelivery of what is durable.
  expect(await kind.ask('a', { type: 'silent' })).toBeUndefined()
  open()
  await Promise.all(others)
})

test('recognises a delivery whose effect was stored though its answer was lost', async () => {
  await using scene = await Scene.open()
  const { kind } = scene.host()
  failNext(scene.journal, 'commit', 'after')
  const first = new Handed(1)
  kind.deliver('a', add('1'), first)
  await scene.pass(0)
  expect(first.outcomes).toHaveLength(1)
  const again = new Handed(1)
  kind.deliver('a', add('1'), again)
  await scene.pass(200)
  expect(again.outcomes).toEqual(['done'])
  expect(scene.labels).toEqual(['1'])
})

test('what another writer stored is a conflict: the actor recovers and decides the next command on that', async () => {
  await using scene = await Scene.open()
  const { kind } = scene.host()
  await kind.ask('a', add('1'))
  append(scene.memory, 'ledger|a', 1, ['theirs'])
  const failed = rejection(kind.ask('a', add('2')))
  await scene.pass(0)
  expect(await failed).toMatchObject({
    code: 'WRITE_REJECTED',
    retryable: true,
    cause: { code: 'JOURNAL_SEQUENCE_CONFLICT' },
  })
  const answer = kind.ask('a', add('3'))
  await scene.pass(200)
  expect(await answer).toEqual(['1', 'theirs', '3'])
})

test('what builds on a refused append is not written, though its number would fit', async () => {
  await using scene = await Scene.open()
  const { kind } = scene.host()
  await kind.ask('a', add('1'))
  const { opened, open } = gate()
  let commits = 0
  scene.journal.plan = operation => (operation === 'commit' && commits++ === 0 ? { wait: opened } : null)
  const outcomes = Promise.allSettled([kind.ask('a', add('2')), settle().then(() => kind.ask('a', add('3')))])
  await scene.pass(0)
  // The first append of ours expects 1; the second expects 2, which is where the log will be.
  append(scene.memory, 'ledger|a', 1, ['theirs'])
  open()
  await scene.pass(0)
  expect((await outcomes).map(outcome => outcome.status)).toEqual(['rejected', 'rejected'])
  expect(scene.labels).toEqual(['1', 'theirs'])
})

test.each(['throw', 'evolve-throws'] as const)(
  'crashes on %s, and its successor has the state without it',
  async type => {
    await using scene = await Scene.open()
    const { kind } = scene.host()
    await kind.ask('a', add('1'))
    const delivery = new Handed(1)
    kind.deliver('a', { type }, delivery)
    const behind = new Handed(2)
    kind.deliver('a', add('2'), behind)
    const queued = kind.ask('a', add('3'))
    await scene.pass(200)
    expect(delivery.outcomes).toEqual([{ error: expect.any(Error), culprit: true }])
    expect(behind.outcomes).toEqual([{ error: expect.any(Error), culprit: false }])
    expect(await queued).toEqual(['1', '3'])
    expect(kind.restarts).toBe(1)
  },
)

test('answers what cannot be stored with the error, and neither crashes nor changes the state', async () => {
  await using scene = await Scene.open()
  const { kind } = scene.host()
  await kind.ask('a', add('1'))
  const error = await rejection(kind.ask('a', { type: 'unstorable' }))
  expect(error).toMatchObject({ code: 'EVENT_NOT_STORABLE' })
  expect(error.message).toContain('payload.label')
  expect(await kind.ask('a', read)).toEqual(['1'])
  expect(kind.restarts).toBe(0)
})

test('what `decide` or `evolve` throws is what the actor crashes with, and what an ask learns as the cause', async () => {
  await using scene = await Scene.open()
  const { kind } = scene.host()
  for (const [type, text] of [
    ['throw', 'decide failed'],
    ['evolve-throws', 'evolve failed'],
  ] as const) {
    const error = await rejection(kind.ask(type, { type }))
    expect([error.code, (error.cause as Error).message]).toEqual(['ACTOR_CRASHED', text])
  }
})

test('an actor whose journal fails at once has failed to start, and is recovered once the journal answers', async () => {
  await using scene = await Scene.open()
  const { journal } = scene
  const { kind } = scene.host({ backoff: { minMs: 100, maxMs: 100 } })
  const known = journal.lastSequenceNr
  let asked = 0
  journal.lastSequenceNr = () => {
    asked++
    throw new Error('no answer')
  }
  const answer = kind.ask('a', add('1'))
  await settle()
  expect(asked).toBe(1)
  journal.lastSequenceNr = known
  await scene.pass(150)
  expect(await answer).toEqual(['1'])
})

test('a recovery that nobody listens to logs nothing', async () => {
  await using scene = await Scene.open()
  const { kind } = scene.host()
  await kind.ask('a', add('1'))
  expect(scene.logger.lines).toEqual([])
})

test('a refused delivery is not taken for handled when those sent behind it are', async () => {
  await using scene = await Scene.open()
  const { kind } = scene.host()
  const refused = new Handed(3)
  const behind = new Handed(5)
  kind.deliver('a', { type: 'unstorable' }, refused)
  kind.deliver('a', add('5'), behind)
  await scene.pass(0)
  expect(refused.outcomes).toEqual([{ error: expect.objectContaining({ code: 'EVENT_NOT_STORABLE' }), culprit: true }])
  expect(behind.outcomes).toEqual(['done'])
  const again = new Handed(3)
  kind.deliver('a', add('3'), again)
  await scene.pass(0)
  expect(again.outcomes).toEqual(['done'])
  expect(scene.labels).toEqual(['5', '3'])
})

test('a successor recovers only after the append of its killed predecessor has settled', async () => {
  await using scene = await Scene.open()
  const { kind, ref } = scene.host()
  const { opened, open } = gate()
  scene.journal.plan = operation => (operation === 'commit' ? { wait: opened } : null)
  kind.tell('a', add('1'))
  await settle()
  ref.kill()
  const successor = scene.host()
  const answer = successor.kind.ask('a', read)
  let answered = false
  void answer.then(() => {
    answered = true
  })
  await scene.pass(100)
  expect(answered).toBe(false)
  open()
  expect(await answer).toEqual(['1'])
})

test('a stop waits for the write under way, and gives the answers that it made durable', async () => {
  await using scene = await Scene.open()
  const { kind, ref } = scene.host()
  const { opened, open } = gate()
  scene.journal.plan = operation => (operation === 'commit' ? { wait: opened } : null)
  const delivery = new Handed(1)
  kind.deliver('a', add('1'), delivery)
  const asked = kind.ask('a', add('2'))
  await settle()
  const stopped = ref.stop({ shutdownMs: 'infinity' })
  const late = new Handed(2)
  kind.deliver('a', add('3'), late)
  await settle()
  open()
  await stopped
  expect(await asked).toEqual(['1', '2'])
  expect(delivery.outcomes).toEqual(['done'])
  expect(late.outcomes).toEqual([{ error: expect.objectContaining({ code: 'ACTOR_STOPPED' }), culprit: false }])
  expect(scene.labels).toEqual(['1', '2'])
})

test('a stop whose time is over gives the deliveries of unsettled writes back', async () => {
  await using scene = await Scene.open()
  const { kind, ref } = scene.host({ shutdownMs: 50 })
  scene.journal.plan = operation => (operation === 'commit' ? { wait: new Promise(() => undefined) } : null)
  const delivery = new Handed(1)
  kind.deliver('a', add('1'), delivery)
  const asked = rejection(kind.ask('a', add('2')))
  await settle()
  const stopped = ref.stop({ shutdownMs: 'infinity' })
  await scene.pass(60)
  await stopped
  expect(delivery.outcomes).toEqual([{ error: expect.anything(), culprit: false }])
  expect(await asked).toMatchObject({ code: 'ACTOR_CRASHED' })
})

test('once fenced, every kind ends, asks fail, deliveries go back, and the store says so', async () => {
  await using scene = await Scene.open()
  const { kind } = scene.host()
  await kind.ask('a', add('1'))
  await Scene.open(scene.memory)
  const delivery = new Handed(1)
  const asked = rejection(kind.ask('a', add('2')))
  kind.deliver('b', add('2'), delivery)
  await scene.pass(0)
  expect(await asked).toMatchObject({
    code: 'WRITE_REJECTED',
    retryable: false,
    cause: { code: 'JOURNAL_FENCED' },
  })
  expect(delivery.outcomes).toMatchObject([{ culprit: false }])
  expect(await scene.store.whenFenced).toMatchObject({ code: 'JOURNAL_FENCED' })
  expect(await rejection(kind.ask('c', add('3')))).toMatchObject({ code: 'ACTOR_STOPPED' })
  expect(scene.labels).toEqual(['1'])
})

test('refuses ids that no journal can keep: an ask rejects, a delivery is given back, a tell throws', async () => {
  await using scene = await Scene.open()
  const { kind } = scene.host()
  for (const id of ['x'.repeat(600), '\ud800', 7 as unknown as string]) {
    expect(await rejection(kind.ask(id, read))).toMatchObject({ code: 'PERSISTENCE_ID_INVALID' })
    expect(() => kind.tell(id, read)).toThrowError(expect.objectContaining({ code: 'PERSISTENCE_ID_INVALID' }))
    const delivery = new Handed(1)
    kind.deliver(id, add('1'), delivery)
    expect(delivery.outcomes).toMatchObject([{ error: { code: 'PERSISTENCE_ID_INVALID' }, culprit: true }])
  }
  expect(await kind.ask('ü'.repeat(200), read)).toEqual([])
})

import { expect, test } from 'vitest'
import { RuntimeError } from '../../src/base/errors.ts'
import { history } from '../../src/persistence/history.ts'
import { recover } from '../../src/persistence/recovery.ts'
import { rejection } from '../kernel/support.ts'
import { ledger, Scene } from './support.ts'

const add = (label: string, times = 1) => ({ type: 'add' as const, label, times })
const read = { type: 'read' as const }

test('a store deletes the events of an entity, which goes on with its numbers', async () => {
  await using scene = await Scene.open()
  const { kind } = scene.host()
  for (const label of ['1', '2', '3']) await kind.ask('a', add(label))
  await scene.store.deleteTo('ledger|a', 2)
  expect(await kind.ask('a', add('4'))).toEqual(['1', '2', '3', '4'])
  const numbers: number[] = []
  for await (const { sequenceNr } of history(scene.store, 'ledger', 'a')) numbers.push(sequenceNr)
  expect(numbers).toEqual([3, 4])
})

test('an entity that was ended for good answers nobody, alive or recovered, and others live on', async () => {
  await using scene = await Scene.open()
  const { kind } = scene.host()
  for (const id of ['a', 'b']) await kind.ask(id, add('1'))
  await scene.store.tombstone('ledger|a')
  // The living one has not heard of it before its next write.
  expect(await rejection(kind.ask('a', add('2')))).toMatchObject({
    code: 'WRITE_REJECTED',
    retryable: false,
    cause: expect.objectContaining({ code: 'JOURNAL_TOMBSTONED' }),
  })
  const reading = rejection(kind.ask('a', read))
  await scene.pass(2_000)
  expect(await reading).toMatchObject({
    code: 'RECOVERY_FAILED',
    cause: expect.objectContaining({ code: 'JOURNAL_TOMBSTONED' }),
  })
  expect(await rejection(recover(scene.store, ledger() as never, 'a'))).toMatchObject({ code: 'JOURNAL_TOMBSTONED' })
  expect(await kind.ask('b', add('2'))).toEqual(['1', '2'])
  expect(scene.labels).toEqual(['1', '1', '2'])
})

test('an id that was ended before it began never begins', async () => {
  await using scene = await Scene.open()
  await scene.store.tombstone('ledger|a')
  const { kind } = scene.host()
  expect(await rejection(kind.ask('a', add('1')))).toMatchObject({ code: 'RECOVERY_FAILED' })
  expect(scene.labels).toEqual([])
})

test('a store whose journal cannot delete says so, and an id that is none is refused', async () => {
  await using scene = await Scene.open()
  expect(await rejection(scene.store.deleteTo('', 1))).toMatchObject({ code: 'PERSISTENCE_ID_INVALID' })
  expect(await rejection(scene.store.tombstone(''))).toMatchObject({ code: 'PERSISTENCE_ID_INVALID' })
  Object.assign(scene.journal, { deleteTo: undefined, tombstone: undefined })
  expect(await rejection(scene.store.rollOut())).toMatchObject({ code: 'JOURNAL_MISCONFIGURED' })
  expect(await rejection(scene.store.deleteTo('a', 1))).toMatchObject({ code: 'JOURNAL_MISCONFIGURED' })
  expect(await rejection(scene.store.tombstone('a'))).toMatchObject({ code: 'JOURNAL_MISCONFIGURED' })
})

test.each([
  ['deleteTo', (scene: Scene) => scene.store.deleteTo('ledger|a', 1)],
  ['tombstone', (scene: Scene) => scene.store.tombstone('ledger|a')],
  ['rollOut', (scene: Scene) => scene.store.rollOut()],
] as const)('a store whose %s another writer refuses is fenced altogether, and answers no more', async (name, call) => {
  await using scene = await Scene.open()
  const { kind } = scene.host()
  await kind.ask('a', add('1'))
  const fenced = new RuntimeError('JOURNAL_FENCED', 'epoch 2 has taken over from 1')
  Object.assign(scene.journal, { [name]: () => Promise.reject(fenced) })
  expect(await rejection(call(scene))).toBe(fenced)
  expect(scene.store.fenced).toBe(fenced)
  expect(await scene.store.whenFenced).toBe(fenced)
  expect(await rejection(kind.ask('b', add('2')))).toMatchObject({ code: expect.any(String) })
  expect(scene.labels).toEqual(['1'])
})

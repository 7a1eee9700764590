/** Messages too large to be stored a second time, and parked ones that are given up. */

import { expect, test } from 'vitest'
import { memoryStore } from '../../src/persistence/memory-journal.ts'
import { PAYLOAD_BYTES_MAX } from '../../src/persistence/storable.ts'
import { gate, rejection, settle } from '../kernel/support.ts'
import { failNext } from '../persistence/support.ts'
import { Office } from './office.ts'

const poisonous = (isFixed: () => boolean) => ({
  commandFor: (label: string) => (label.startsWith('A x 1') && !isFixed() ? { type: 'throw' } : undefined),
})
const labelsOf = (parked: readonly { readonly payload: unknown }[]): unknown[] =>
  parked.map(({ payload }) => (payload as { label: string } | null)?.label.slice(2) ?? null)

test('a message too large to be stored a second time is parked without its payload, and replayed from the log', async () => {
  const large = `A x 1${'.'.repeat(PAYLOAD_BYTES_MAX - 200)}`
  const memory = memoryStore()
  let isFixed = false
  {
    const office = await Office.open(
      poisonous(() => isFixed),
      memory,
    )
    office.write(large, 'A x 2', 'B x 1')
    await office.pass(200)
    expect(office.stored('x')).toEqual(['B x 1'])
    expect(await office.bridge.parked()).toMatchObject([
      { payload: null, isReference: true, position: 1, type: 'M', error: 'decide failed', key: 'A' },
      { payload: { label: 'M:A x 2' }, isReference: false, position: 2, error: null },
    ])
    expect(await still(office)).toHaveLength(2)
    // Left alone, as a process that ended.
  }
  await using office = await Office.open(
    poisonous(() => isFixed),
    memory,
  )
  await office.pass(50)
  isFixed = true
  failNext(office.scene.journal, 'readLog', 'before')
  expect(await answer(office, office.bridge.replay('A'))).toEqual({ delivered: 0, parked: 2 })
  expect(await answer(office, office.bridge.replay('A'))).toEqual({ delivered: 2, parked: 0 })
  expect(office.stored('x')).toEqual(['B x 1', large, 'A x 2'])
})

test('so is one that is nested as deep as records may be', async () => {
  let deep: unknown = 'bottom'
  for (let level = 0; level < 62; level++) deep = [deep]
  await using office = await Office.open(poisonous(() => false))
  office.writer.records('deep', [{ kind: 'event', type: 'M', version: 1, payload: { label: 'M:A x 1', deep } }])
  await office.pass(200)
  expect(await office.bridge.parked()).toMatchObject([{ isReference: true, error: 'decide failed' }])
})

test('discards what is parked of a key, and the later ones of the key go on', async () => {
  await using office = await Office.open(poisonous(() => false))
  office.write('A x 1', 'A x 2', 'A x 3', 'B x 1')
  await office.pass(200)
  expect(await answer(office, office.bridge.discard('A'))).toEqual({ discarded: 3, parked: 0 })
  office.write('A x 4', 'C x 1')
  await office.pass(0)
  expect(office.stored('x')).toEqual(['B x 1', 'A x 4', 'C x 1'])
  expect(await office.bridge.parked()).toEqual([])
  expect(await answer(office, office.bridge.discard('Z'))).toEqual({ discarded: 0, parked: 0 })
})

test('discards one message, and the others of its key stay parked until they are replayed', async () => {
  await using office = await Office.open(poisonous(() => false))
  office.write('A x 1', 'A x 2', 'A x 3')
  await office.pass(200)
  const [first] = await office.bridge.parked()
  expect(await answer(office, office.bridge.discard('A', first!.id))).toEqual({ discarded: 1, parked: 2 })
  expect(await answer(office, office.bridge.discard('A', first!.id))).toEqual({ discarded: 0, parked: 2 })
  office.write('A x 4')
  await office.pass(0)
  expect(labelsOf(await office.bridge.parked())).toEqual(['A x 2', 'A x 3', 'A x 4'])
  expect(office.stored('x')).toEqual([])
  expect(await answer(office, office.bridge.replay('A'))).toEqual({ delivered: 3, parked: 0 })
  expect(office.stored('x')).toEqual(['A x 2', 'A x 3', 'A x 4'])
})

test('what was discarded stays so over a restart, though its source gives it again', async () => {
  const memory = memoryStore()
  const isFixed = (): boolean => false
  const first = await Office.open(poisonous(isFixed), memory)
  // The cursor is never stored, so everything comes again.
  first.scene.journal.saveCursors = async () => undefined
  first.write('A x 1', 'A x 2')
  await first.pass(200)
  expect(await answer(first, first.bridge.discard('A'))).toEqual({ discarded: 2, parked: 0 })
  for (const partition of memory.partitions) partition.cursors.clear()
  await using second = await Office.open(poisonous(isFixed), memory)
  second.write('A x 3')
  await second.pass(200)
  expect(second.stored('x')).toEqual(['A x 3'])
  expect(await second.bridge.parked()).toEqual([])
  expect(second.cursor).toBeGreaterThanOrEqual(3)
})

test('discarding goes on when the store fails, and says BRIDGE_STOPPED when the bridge ends first', async () => {
  await using office = await Office.open(poisonous(() => false))
  office.write('A x 1', 'A x 2')
  await office.pass(200)
  const { journal } = office.scene
  journal.plan = operation => (operation === 'commit' ? { fail: 'before' } : null)
  const discarded = office.bridge.discard('A')
  await office.pass(200)
  expect(await still(office)).toHaveLength(2)
  journal.plan = () => null
  await office.pass(20_000)
  expect(await discarded).toEqual({ discarded: 2, parked: 0 })
  const late = rejection(office.bridge.discard('A'))
  office.ref.kill()
  expect(await late).toMatchObject({ code: 'BRIDGE_STOPPED' })
  expect(await rejection(office.bridge.discard('A'))).toMatchObject({ code: 'BRIDGE_STOPPED' })
})

test('a replay takes along what was parked meanwhile, and a discard behind it finds the rest', async () => {
  let isFixed = false
  await using office = await Office.open({
    commandFor: label => ((label === 'A x 1' && !isFixed) || label === 'A x 3' ? { type: 'throw' } : undefined),
  })
  office.write('A x 1', 'A x 2')
  await office.pass(200)
  isFixed = true
  office.write('A x 3', 'A x 4')
  await settle()
  const replayed = office.bridge.replay('A')
  const discarded = office.bridge.discard('A')
  office.write('A x 5')
  await office.pass(500)
  expect(await replayed).toMatchObject({ delivered: 2 })
  expect((await discarded).discarded).toBeGreaterThanOrEqual(1)
  await office.pass(100)
  expect(await answer(office, office.bridge.discard('A'))).toMatchObject({ parked: 0 })
  expect(office.stored('x').slice(0, 2)).toEqual(['A x 1', 'A x 2'])
  expect(await office.bridge.parked()).toEqual([])
})

test('a replay waits for what its source has yet to give before it, so that none of that is taken for handled', async () => {
  const memory = memoryStore()
  const never = new Promise<never>(() => undefined)
  const first = await Office.open({ commandFor: label => (label === 'A x 3' ? { type: 'throw' } : never) }, memory)
  first.write('B x 1', 'C x 2', 'A x 3')
  await first.pass(200)
  expect(await first.bridge.parked()).toHaveLength(1)
  // Left alone, as a process that ended. The next one can take on but one message before the first is prepared.
  const { opened, open } = gate()
  await using second = await Office.open(
    {
      maxWaiting: 1,
      commandFor: label => (label === 'B x 1' ? opened.then(() => ({ type: 'add', label })) : undefined),
    },
    memory,
  )
  const replayed = second.bridge.replay('A')
  await second.pass(500)
  expect(second.stored('x')).toEqual([])
  open()
  expect(await answer(second, replayed)).toEqual({ delivered: 1, parked: 0 })
  expect(second.stored('x').toSorted()).toEqual(['A x 3', 'B x 1', 'C x 2'])
})

test('says of a key what is under way, how often it has failed, and with what', async () => {
  await using office = await Office.open({
    ...poisonous(() => false),
    attempts: 3,
    backoff: { minMs: 1_000, maxMs: 1_000 },
  })
  office.write('A x 1', 'B x 1')
  await office.pass(100)
  const failing = { type: 'M', failures: 1, error: 'decide failed' }
  expect(await answer(office, office.bridge.underWay('A'))).toMatchObject(failing)
  expect(await answer(office, office.bridge.underWay('B'))).toBeNull()
  await office.pass(1_000)
  expect(await answer(office, office.bridge.underWay('A'))).toMatchObject({ ...failing, failures: 2 })
  await office.pass(2_000)
  expect(await answer(office, office.bridge.underWay('A'))).toBeNull()
  expect(await office.bridge.parked()).toMatchObject([{ key: 'A', failures: 3 }])
})

test('tells what was parked at a time, also when it does not run any more', async () => {
  let isFixed = false
  await using office = await Office.open(poisonous(() => isFixed))
  const { clock } = office.scene.store.ports
  const beforeMs = clock.nowMs()
  await office.pass(10)
  office.write('A x 1', 'A x 2')
  await office.pass(200)
  const parkedMs = clock.nowMs()
  expect(await office.bridge.parked()).toMatchObject([{ failures: 3 }, { failures: 0, error: null }])
  isFixed = true
  await office.pass(10)
  await answer(office, office.bridge.replay('A'))
  office.ref.kill()
  await office.pass(10)
  expect(await office.bridge.parkedAsOf(beforeMs)).toEqual([])
  expect(labelsOf(await office.bridge.parkedAsOf(parkedMs))).toEqual(['A x 1', 'A x 2'])
  expect(await office.bridge.parkedAsOf(clock.nowMs())).toEqual([])
})

const answer = async <Result>(office: Office, asked: Promise<Result>): Promise<Result> => {
  await office.pass(200)
  return asked
}

/** What is parked after nothing has changed for a while. */
const still = async (office: Office) => {
  await office.pass(500)
  return office.bridge.parked()
}

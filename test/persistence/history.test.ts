import fc from 'fast-check'
import { expect, test } from 'vitest'
import { difference } from '../../src/persistence/difference.ts'
import { type HistoryEntry, history, stateAsOf } from '../../src/persistence/history.ts'
import { rejection, settle } from '../kernel/support.ts'
import { Handed, ledger, Scene } from './support.ts'

const add = (label: string) => ({ type: 'add' as const, label })

const all = async (entries: AsyncIterable<HistoryEntry>): Promise<readonly HistoryEntry[]> => {
  const found: HistoryEntry[] = []
  for await (const entry of entries) found.push(entry)
  return found
}

test('tells of every record who delivered its command, when it was decided, and what it followed from', async () => {
  await using scene = await Scene.open()
  const { kind } = scene.host()
  await kind.ask('a', add('1'))
  await scene.pass(10)
  const message = Object.assign(new Handed(7), { causationId: 'cause-1.0', correlationId: 'flow-1.0' })
  kind.deliver('a', { type: 'send', address: 'risk', label: '2' }, message)
  await settle()
  const [first, second, third, ...others] = await all(history(scene.store, 'ledger', 'a'))
  expect(others).toEqual([])
  expect(first).toMatchObject({ sequenceNr: 1, kind: 'event', type: 'Added', source: null, causationId: null })
  const cause = { source: 'bridge', causationId: 'cause-1.0', correlationId: 'flow-1.0' }
  expect(second).toMatchObject({ sequenceNr: 2, kind: 'event', ...cause, position: 2, payload: { label: '2' } })
  expect(third).toMatchObject({ sequenceNr: 3, kind: 'command', type: 'risk', ...cause, position: 3 })
  expect(second!.timeMs - first!.timeMs).toBeGreaterThanOrEqual(10)
  expect(new Set([first, second, third].map(entry => entry!.eventId)).size).toBe(3)
})

test('has the state as of every sequence number, snapshots or not', async () => {
  await using scene = await Scene.open()
  const { kind } = scene.host({ snapshot: { every: 3 } })
  for (let i = 1; i <= 10; i++) await kind.ask('a', add(`${i}`))
  for (let sequenceNr = 0; sequenceNr <= 11; sequenceNr++) {
    const past = await stateAsOf(scene.store, ledger() as never, 'a', { sequenceNr })
    expect(past.sequenceNr).toBe(Math.min(sequenceNr, 10))
    expect(past.state).toEqual(scene.labels.slice(0, sequenceNr))
  }
})

test('has the state as of a time: what was decided at that moment or before', async () => {
  await using scene = await Scene.open()
  const { kind } = scene.host()
  const startMs = scene.clock.nowMs()
  await kind.ask('a', add('1'))
  await scene.pass(100)
  await kind.ask('a', add('2'))
  const asOf = async (timeMs: number) => (await stateAsOf(scene.store, ledger() as never, 'a', { timeMs })).state
  expect(await asOf(startMs - 1)).toEqual([])
  expect(await asOf(startMs + 99)).toEqual(['1'])
  expect(await asOf(scene.clock.nowMs())).toEqual(['1', '2'])
})

test('an id without a history has its initial state', async () => {
  await using scene = await Scene.open()
  expect(await all(history(scene.store, 'ledger', 'nobody'))).toEqual([])
  expect(await stateAsOf(scene.store, ledger() as never, 'nobody', { sequenceNr: 5 })).toEqual({
    state: [],
    sequenceNr: 0,
    timeMs: null,
  })
})

test('names the event that cannot be folded', async () => {
  await using scene = await Scene.open()
  const { kind } = scene.host()
  await kind.ask('a', add('1'))
  const broken = {
    ...ledger(),
    evolve: () => {
      throw new Error('no')
    },
  }
  expect(await rejection(stateAsOf(scene.store, broken as never, 'a', { sequenceNr: 1 }))).toMatchObject({
    code: 'RECOVERY_FAILED',
    message: expect.stringContaining('ledger|a, event 1'),
  })
})

test('the difference between two states names the deepest places', () => {
  const day = (text: string) => new Date(text)
  const before = {
    a: 1,
    same: { x: [1, 2] },
    list: [1, { b: 2 }, 3],
    gone: true,
    at: day('2026-01-01'),
    part: { c: 1 },
  }
  const after = { a: 2, same: { x: [1, 2] }, list: [1, { b: 3 }], come: null, at: day('2026-01-02'), part: [1] }
  expect(difference(before, after)).toEqual([
    { path: ['a'], before: 1, after: 2 },
    { path: ['list', 1, 'b'], before: 2, after: 3 },
    { path: ['list', 2], before: 3, after: undefined },
    { path: ['gone'], before: true, after: undefined },
    { path: ['at'], before: day('2026-01-01'), after: day('2026-01-02') },
    { path: ['part'], before: { c: 1 }, after: [1] },
    { path: ['come'], before: undefined, after: null },
  ])
})

test('two states differ where one of them was changed, and only there', () => {
  fc.assert(
    fc.property(fc.jsonValue(), state => {
      expect(difference(state, structuredClone(state))).toEqual([])
      expect(difference({ state, n: 1 }, { state: structuredClone(state), n: 2 })).toEqual([
        { path: ['n'], before: 1, after: 2 },
      ])
    }),
  )
})

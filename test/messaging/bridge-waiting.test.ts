/** What waits in a bridge: in what order it comes, what it holds up, and what it is bounded by. */

import { expect, test } from 'vitest'
import { RuntimeError } from '../../src/base/errors.ts'
import { logSource } from '../../src/messaging/log-source.ts'
import { messageBridge } from '../../src/messaging/message-bridge.ts'
import { routeTo } from '../../src/messaging/route.ts'
import { eventSourced } from '../../src/persistence/event-sourced.ts'
import { entities } from '../../src/persistence/event-sourced-entities.ts'
import { memoryStore } from '../../src/persistence/memory-journal.ts'
import { gate, settle } from '../kernel/support.ts'
import { failNext, Scene } from '../persistence/support.ts'
import { Office, partsOf } from './office.ts'
import { Writer } from './support.ts'

type Count = { readonly type: 'count'; readonly key: string; readonly nr: number } | { readonly type: 'read' }
type Counted = { readonly type: 'Counted'; readonly key: string; readonly nr: number }
interface Tally {
  readonly counted: number
  readonly slow: number
  /** Messages of the slow key that did not come right after the one before. */
  readonly outOfOrder: number
}

/** Counts, so that what a hundred thousand messages did is seen at a glance. */
const tally = eventSourced<Count, Counted, Tally, Tally>({
  name: 'tally',
  initial: () => ({ counted: 0, slow: 0, outOfOrder: 0 }),
  decide: (state, command) =>
    command.type === 'read' ? { reply: state } : { events: [{ type: 'Counted', key: command.key, nr: command.nr }] },
  evolve: ({ counted, slow, outOfOrder }, { key, nr }) =>
    key === 'slow'
      ? { counted: counted + 1, slow: nr, outOfOrder: outOfOrder + (nr === slow + 1 ? 0 : 1) }
      : { counted: counted + 1, slow, outOfOrder },
})

/** A bridge from messages `KEY NR` to one tally. */
const openTally = async (prepare: (key: string, nr: number) => Promise<void> | null) => {
  const scene = await Scene.open()
  const tallies = entities(tally, scene.store)
  scene.spawn(tallies.behavior)
  const seen = { translations: 0 }
  const bridge = messageBridge({
    name: 'counting',
    source: logSource(scene.store, 'counting', { events: ['M'] }),
    store: scene.store,
    translate: ({ payload }) => {
      seen.translations++
      const [key, nr] = (payload as { label: string }).label.slice(2).split(' ')
      const command = { type: 'count', key: key!, nr: Number(nr) } as const
      return routeTo(tallies, 'all', prepare(key!, Number(nr))?.then(() => command) ?? command, key!)
    },
  })
  scene.spawn(bridge.behavior)
  await settle()
  const writer = new Writer(scene.store)
  const read = async (): Promise<Tally> => {
    const reading = tallies.ask('all', { type: 'read' })
    await settle()
    return reading
  }
  /** As soon as that many were counted. */
  const counts = async (counted: number): Promise<Tally> => {
    for (let i = 0; i < 20_000; i++) {
      const state = await read()
      if (state.counted >= counted) return state
    }
    return read()
  }
  return { scene, bridge, writer, seen, read, counts, [Symbol.asyncDispose]: () => scene[Symbol.asyncDispose]() }
}

test('a hundred thousand messages behind a slow one hold up no other key, and have their effects in order', async () => {
  const { opened, open } = gate()
  await using office = await openTally((key, nr) => (key === 'slow' && nr === 1 ? opened : null))
  const { writer, counts, seen } = office
  for (let nr = 1; nr <= 100_000; nr++) {
    writer.events(`s${nr % 50}`, `M:slow ${nr}`)
    if (nr % 5_000 === 0) await settle()
  }
  for (let nr = 1; nr <= 2_000; nr++) writer.events('f', `M:fast${nr} ${nr}`)
  expect(await counts(2_000)).toMatchObject({ counted: 2_000, slow: 0 })
  open()
  expect(await counts(102_000)).toEqual({ counted: 102_000, slow: 100_000, outOfOrder: 0 })
  // All but a few were left in the log and read again in their turn.
  expect(seen.translations).toBeGreaterThan(200_000)
}, 60_000)

test('thousands of messages whose preparation takes long hold up no other', async () => {
  const { opened, open } = gate()
  await using office = await openTally(key => (key.startsWith('slow') ? opened : null))
  const { writer, counts } = office
  for (let nr = 1; nr <= 5_000; nr++) writer.events('s', `M:slow${nr} ${nr}`)
  for (let nr = 1; nr <= 200; nr++) writer.events('f', `M:fast${nr} ${nr}`)
  expect(await counts(200)).toMatchObject({ counted: 200 })
  open()
  expect(await counts(5_200)).toMatchObject({ counted: 5_200 })
})

test('has at most maxInFlight messages with their receivers', async () => {
  await using office = await Office.open({ maxInFlight: 3 })
  office.write('K x 0')
  await office.pass(50)
  const { opened, open } = gate()
  let commits = 0
  // The messages themselves are stored; what they cause is not.
  office.scene.journal.plan = operation => (operation === 'commit' && commits++ > 0 ? { hold: opened } : null)
  office.write(...Array.from({ length: 10 }, (_, i) => `K${i} x ${i}`))
  await office.pass(50)
  expect(office.translated).toHaveLength(1 + 3)
  open()
  await office.pass(50)
  expect(office.stored('x')).toHaveLength(11)
})

test('has at most maxWaiting messages that wait', async () => {
  const { opened, open } = gate()
  await using office = await Office.open({
    maxWaiting: 4,
    commandFor: label => (label.endsWith('slow') ? opened.then(() => ({ type: 'add', label })) : undefined),
  })
  office.write('A x slow', 'A x 1', 'B x slow', 'A x 2', 'C x 3', 'D x 4')
  await office.pass(50)
  // The fourth that waits is `A x 2`; nothing is taken on behind it.
  expect(office.translated).toEqual(['A x slow', 'A x 1', 'B x slow', 'A x 2'])
  open()
  await office.pass(50)
  expect(office.stored('x').toSorted()).toEqual(['A x 1', 'A x 2', 'A x slow', 'B x slow', 'C x 3', 'D x 4'])
})

/** With so few at hand most of what waits is read again. */
const FEW = { maxInFlight: 2 }

const numbered = (key: string, from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => `${key} x ${from + i}`)

test('what was left in the log is read again in order, also when that fails for a while', async () => {
  const { opened, open } = gate()
  await using office = await Office.open({
    ...FEW,
    commandFor: label => (label === 'A x 1' ? opened.then(() => ({ type: 'add', label })) : undefined),
  })
  office.write(...numbered('A', 1, 200), ...numbered('B', 1, 3))
  await office.pass(20)
  expect(office.stored('x')).toEqual(numbered('B', 1, 3))
  failNext(office.scene.journal, 'readLog', 'before', 3)
  open()
  await office.pass(20)
  office.write('A x 201')
  await office.pass(2_000)
  expect(office.stored('x').slice(3)).toEqual(numbered('A', 1, 201))
  expect(office.scene.warnings()).toHaveLength(3)
  expect(office.cursor).toBeGreaterThanOrEqual(204)
})

test('a corrupt log fails the bridge that reads in it again', async () => {
  const { opened, open } = gate()
  await using office = await Office.open({
    ...FEW,
    commandFor: label => (label === 'A x 1' ? opened.then(() => ({ type: 'add', label })) : undefined),
  })
  office.write(...numbered('A', 1, 10))
  await office.pass(0)
  office.scene.journal.readLog = async () => {
    throw new RuntimeError('JOURNAL_CORRUPT', 'a block does not match its checksum')
  }
  open()
  await office.pass(20)
  await expect(office.bridge.parked()).rejects.toMatchObject({ code: 'BRIDGE_STOPPED' })
})

test.each(['kill', 'stop'] as const)(
  'a bridge that ends by %s while thousands wait loses and doubles none',
  async end => {
    const { opened, open } = gate()
    let isOpen = false
    await using office = await Office.open({
      commandFor: label => (label === 'A x 1' && !isOpen ? opened.then(() => ({ type: 'add', label })) : undefined),
    })
    office.write(...numbered('A', 1, 300), ...numbered('B', 1, 5))
    await office.pass(0)
    if (end === 'kill') office.ref.kill()
    else await office.ref.stop()
    isOpen = true
    open()
    office.restart()
    await office.pass(100)
    expect(office.stored('x').filter(label => label.startsWith('A'))).toEqual(numbered('A', 1, 300))
    expect(office.stored('x').filter(label => label.startsWith('B'))).toEqual(numbered('B', 1, 5))
  },
)

test('what is translated otherwise when it is read again still has its effect once, and none is owed for nothing', async () => {
  const { opened, open } = gate()
  let isLater = false
  await using office = await Office.open({
    ...FEW,
    translate: message => {
      const { key, id, label } = partsOf(message)
      if (isLater && label === 'A x 4') return null
      if (isLater && label === 'A x 6') throw new Error('no longer known')
      const receiver = isLater && label === 'A x 5' ? 'y' : id
      const command = { type: 'add', label } as const
      return routeTo(office.hosted.kind, receiver, label === 'A x 1' ? opened.then(() => command) : command, key)
    },
  })
  office.write(...numbered('A', 1, 7), 'B x 1', 'B y 2')
  await office.pass(20)
  isLater = true
  open()
  await office.pass(200)
  expect(office.stored('x')).toEqual(['B x 1', 'A x 1', 'A x 2', 'A x 3'])
  expect(office.stored('y')).toEqual(['B y 2', 'A x 5'])
  // `A x 7` is behind the parked one.
  expect((await office.bridge.parked()).map(({ error }) => error)).toEqual(['no longer known', null])
})

test('a preparation that fails while its message waits is heard when its turn comes', async () => {
  const { opened, open } = gate()
  let failures = 0
  await using office = await Office.open({
    ...FEW,
    commandFor: label => {
      if (label === 'A x 1') return opened.then(() => ({ type: 'add', label }))
      if (label === 'B x 1') return undefined
      return failures++ < 20 ? Promise.reject(new Error('not yet')) : { type: 'add', label }
    },
  })
  office.write(...numbered('A', 1, 20), 'B x 1')
  await office.pass(20)
  expect(office.stored('x')).toEqual(['B x 1'])
  open()
  await office.pass(500)
  expect(office.stored('x')).toEqual(['B x 1', ...numbered('A', 1, 20)])
})

test('thousands behind a message that keeps failing are parked in order, and come in order when it is replayed', async () => {
  let isFixed = false
  const memory = memoryStore()
  await using office = await Office.open(
    { ...FEW, commandFor: label => (label === 'A x 1' && !isFixed ? { type: 'throw' } : undefined) },
    memory,
  )
  office.write(...numbered('A', 1, 500), ...numbered('B', 1, 3))
  await office.pass(200)
  expect(office.stored('x')).toEqual(numbered('B', 1, 3))
  const parked = await office.bridge.parked()
  expect(parked.map(({ payload }) => (payload as { label: string }).label.slice(2))).toEqual(numbered('A', 1, 500))
  isFixed = true
  const replayed = office.bridge.replay('A')
  await office.pass(0)
  expect(await replayed).toEqual({ delivered: 500, parked: 0 })
  expect(office.stored('x').slice(3)).toEqual(numbered('A', 1, 500))
})

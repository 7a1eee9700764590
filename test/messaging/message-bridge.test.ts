import { expect, test } from 'vitest'
import { logSource } from '../../src/messaging/log-source.ts'
import { messageBridge } from '../../src/messaging/message-bridge.ts'
import { type BridgeTarget, routeTo } from '../../src/messaging/route.ts'
import { memoryStore } from '../../src/persistence/memory-journal.ts'
import { gate, rejection, settle } from '../kernel/support.ts'
import { type Command, failNext, Scene } from '../persistence/support.ts'
import { Office, partsOf } from './office.ts'

test('delivers each message to its receiver, in the order of the log, and moves its cursor', async () => {
  await using office = await Office.open()
  office.write('A x 1', 'B y 1', 'A x 2')
  await office.pass(0)
  expect(office.stored('x')).toEqual(['A x 1', 'A x 2'])
  expect(office.stored('y')).toEqual(['B y 1'])
  expect(office.cursor).toBeGreaterThanOrEqual(3)
})

test('what was delivered names its cause and its flow', async () => {
  await using office = await Office.open()
  office.write('A x 1')
  await office.pass(0)
  const [source, effect] = office.scene.log
  expect(effect).toMatchObject({
    causationId: `${source!.appendId}.0`,
    correlationId: `${source!.appendId}.0`,
    handled: { source: 'office', partition: 0, position: 1 },
  })
})

test('acknowledges only when the effect is durable', async () => {
  await using office = await Office.open()
  const { opened, open } = gate()
  let commits = 0
  office.scene.journal.plan = operation => (operation === 'commit' && commits++ > 0 ? { hold: opened } : null)
  office.write('A x 1')
  await office.pass(0)
  expect(office.stored('x')).toEqual(['A x 1'])
  expect(office.cursor).toBe(0)
  open()
  await office.pass(0)
  expect(office.cursor).toBeGreaterThan(0)
})

test('slowness delays its own key only, is delivered once, and loses nothing that it was overtaken by', async () => {
  const { opened, open } = gate()
  await using office = await Office.open({
    commandFor: label => (label === 'A x 1' ? opened.then(() => ({ type: 'add', label })) : undefined),
  })
  office.write('A x 1', 'A x 2', 'B x 1', 'B y 1', 'C x 1')
  await office.pass(12_000)
  expect(office.stored('x')).toEqual(['B x 1', 'C x 1'])
  expect(office.stored('y')).toEqual(['B y 1'])
  expect(office.cursor).toBe(0)
  open()
  await office.pass(0)
  expect(office.stored('x')).toEqual(['B x 1', 'C x 1', 'A x 1', 'A x 2'])
  expect(office.translated.filter(label => label === 'A x 1')).toHaveLength(1)
  expect(office.cursor).toBeGreaterThanOrEqual(5)
})

test('overtaken messages are handled once over a restart of the bridge and of the store', async () => {
  const memory = memoryStore()
  const never = new Promise<never>(() => undefined)
  {
    const office = await Office.open({ commandFor: label => (label === 'A x 1' ? never : undefined) }, memory)
    office.write('A x 1', 'B x 1', 'A x 2', 'C x 1')
    await office.pass(0)
    expect(office.stored('x')).toEqual(['B x 1', 'C x 1'])
    office.ref.kill()
    office.restart()
    await office.pass(0)
    expect(office.stored('x')).toEqual(['B x 1', 'C x 1'])
    // Left alone, as a process that ended.
  }
  await using office = await Office.open({}, memory)
  await office.pass(0)
  expect(office.stored('x')).toEqual(['B x 1', 'C x 1', 'A x 1', 'A x 2'])
})

test('a failing message is tried again with a backoff, then parked with its error, and its key behind it', async () => {
  await using office = await Office.open({
    commandFor: label => (label === 'A x 2' ? { type: 'throw' } : undefined),
  })
  office.write('A x 1', 'A x 2', 'A x 3', 'B x 1', 'A y 4')
  await office.pass(200)
  expect(office.stored('x')).toEqual(['A x 1', 'B x 1'])
  expect(office.stored('y')).toEqual([])
  const parked = await office.bridge.parked()
  expect(parked.map(({ payload, error, key, target }) => [payload, error, key, target])).toEqual([
    [{ label: 'M:A x 2' }, 'decide failed', 'A', 'ledger|x'],
    [{ label: 'M:A x 3' }, null, 'A', 'ledger|x'],
    [{ label: 'M:A y 4' }, null, 'A', 'ledger|y'],
  ])
  expect(office.hosted.kind.restarts).toBeGreaterThanOrEqual(2)
  expect(office.cursor).toBeGreaterThanOrEqual(5)
})

test('what fails for a while and is overtaken meanwhile has its effect all the same', async () => {
  let failures = 0
  await using office = await Office.open({
    commandFor: label => {
      if (label !== 'A x 1') return undefined
      return Object.defineProperty({ label }, 'type', { get: () => (failures++ < 2 ? 'throw' : 'add') })
    },
  })
  office.write('A x 1')
  await office.pass(5)
  office.write('B x 1')
  await office.pass(100)
  expect(office.stored('x')).toEqual(['B x 1', 'A x 1'])
  expect(await office.bridge.parked()).toEqual([])
})

test('a receiver that refuses what it decided parks that message and loses none behind it', async () => {
  let isFixed = false
  await using office = await Office.open({
    commandFor: label => (label === 'A x 1' && !isFixed ? { type: 'unstorable' } : undefined),
  })
  office.write('A x 1', 'B x 1', 'C x 1')
  await office.pass(100)
  expect(office.stored('x')).toEqual(['B x 1', 'C x 1'])
  expect(await office.bridge.parked()).toMatchObject([{ error: expect.stringContaining('payload.label') }])
  isFixed = true
  const replayed = office.bridge.replay('A')
  await office.pass(0)
  expect(await replayed).toEqual({ delivered: 1, parked: 0 })
  expect(office.stored('x')).toEqual(['B x 1', 'C x 1', 'A x 1'])
})

test('what is parked stays so over a restart of the bridge and of the store, once and in order', async () => {
  const memory = memoryStore()
  const commandFor = (label: string): unknown => (label === 'A x 1' ? { type: 'throw' } : undefined)
  const first = await Office.open({ commandFor }, memory)
  // The cursor is never stored, so everything comes again.
  first.scene.journal.saveCursors = async () => undefined
  first.write('A x 0', 'A x 1', 'A x 2')
  await first.pass(100)
  const before = await first.bridge.parked()
  expect(before).toHaveLength(2)
  first.ref.kill()
  first.restart()
  await first.pass(100)
  expect(await first.bridge.parked()).toEqual(before)
  for (const partition of memory.partitions) partition.cursors.clear()
  await using second = await Office.open({ commandFor }, memory)
  second.write('A x 3')
  await second.pass(100)
  const after = await second.bridge.parked()
  expect(after.slice(0, 2)).toEqual(before)
  expect(after.map(({ payload }) => (payload as { label: string }).label)).toEqual(['M:A x 1', 'M:A x 2', 'M:A x 3'])
  expect(second.stored('x')).toEqual(['A x 0'])
})

test('replays a key in order, and those that came meanwhile after it', async () => {
  let isFixed = false
  await using office = await Office.open({
    commandFor: label => (label === 'A x 1' && !isFixed ? { type: 'throw' } : undefined),
  })
  office.write('A x 1', 'A x 2', 'B x 1')
  await office.pass(100)
  isFixed = true
  const replayed = office.bridge.replay('A')
  office.write('A x 3')
  await office.pass(100)
  expect(await replayed).toEqual({ delivered: 2, parked: 0 })
  expect(await office.bridge.parked()).toEqual([])
  expect(office.stored('x')).toEqual(['B x 1', 'A x 1', 'A x 2', 'A x 3'])
  office.write('A x 4')
  await office.pass(0)
  expect(office.stored('x').at(-1)).toBe('A x 4')
})

test('what came for a parked key and was overtaken by others has its effect when it is replayed', async () => {
  let isFixed = false
  await using office = await Office.open({
    commandFor: label => (label === 'A x 1' && !isFixed ? { type: 'throw' } : undefined),
  })
  office.write('A x 1')
  await office.pass(100)
  office.write('A x 2', 'B x 1')
  await office.pass(0)
  isFixed = true
  const replayed = office.bridge.replay('A')
  await office.pass(0)
  expect(await replayed).toEqual({ delivered: 2, parked: 0 })
  expect(office.stored('x')).toEqual(['B x 1', 'A x 1', 'A x 2'])
})

test('a replay that fails again leaves the rest parked, in order', async () => {
  let isFixed = false
  await using office = await Office.open({
    commandFor: label => ((label === 'A x 1' && !isFixed) || label === 'A x 3' ? { type: 'throw' } : undefined),
  })
  office.write('A x 1', 'A x 2', 'A x 3', 'A x 4')
  await office.pass(100)
  isFixed = true
  const replayed = office.bridge.replay('A')
  await office.pass(200)
  expect(await replayed).toEqual({ delivered: 2, parked: 2 })
  expect(office.stored('x')).toEqual(['A x 1', 'A x 2'])
  const left = await office.bridge.parked()
  expect(left.map(({ payload }) => (payload as { label: string }).label)).toEqual(['M:A x 3', 'M:A x 4'])
  expect(await office.bridge.replay('Z')).toEqual({ delivered: 0, parked: 0 })
})

test('what cannot be translated is parked at once; a later replay delivers it though others have passed', async () => {
  let isFixed = false
  await using office = await Office.open({
    translate: message => {
      const { key, id, label } = partsOf(message)
      if (label === 'A x 1' && !isFixed) throw new Error('unknown version \ud800')
      return routeTo(office.hosted.kind, id, { type: 'add', label }, key)
    },
  })
  office.write('A x 1', 'A x 2')
  await office.pass(0)
  const [parked] = await office.bridge.parked()
  expect(parked).toMatchObject({ error: 'unknown version \ufffd', target: null })
  expect(office.stored('x')).toEqual(['A x 2'])
  const stillWrong = office.bridge.replay(parked!.key)
  await office.pass(100)
  expect(await stillWrong).toEqual({ delivered: 0, parked: 1 })
  isFixed = true
  const replayed = office.bridge.replay(parked!.key)
  await office.pass(0)
  expect(await replayed).toEqual({ delivered: 1, parked: 0 })
  expect(office.stored('x')).toEqual(['A x 2', 'A x 1'])
})

test('replayed to another receiver than before, it has its effect there', async () => {
  let receiver = 'x'
  await using office = await Office.open({
    translate: message => {
      const { key, id, label } = partsOf(message)
      const isFirst = label === 'A x 1'
      const command: Command = isFirst && receiver === 'x' ? { type: 'throw' } : { type: 'add', label }
      return routeTo(office.hosted.kind, isFirst ? receiver : id, command, key)
    },
  })
  office.write('A x 1', 'B y 1')
  await office.pass(100)
  receiver = 'y'
  const replayed = office.bridge.replay('A')
  await office.pass(0)
  expect(await replayed).toEqual({ delivered: 1, parked: 0 })
  expect(office.stored('y')).toEqual(['B y 1', 'A x 1'])
})

test('what a replay has nothing to do for is released', async () => {
  let isIgnored = false
  await using office = await Office.open({
    translate: message => {
      const { key, id } = partsOf(message)
      if (isIgnored) return null
      return routeTo(office.hosted.kind, id, { type: 'throw' }, key)
    },
  })
  office.write('A x 1')
  await office.pass(100)
  isIgnored = true
  const replayed = office.bridge.replay('A')
  await office.pass(0)
  expect(await replayed).toEqual({ delivered: 1, parked: 0 })
  expect(await office.bridge.parked()).toEqual([])
})

test('what is nothing to do is done', async () => {
  await using office = await Office.open({ translate: () => null })
  office.write('A x 1', 'A x 2')
  await office.pass(0)
  expect(office.cursor).toBe(2)
  expect(await office.bridge.parked()).toEqual([])
})

test('a receiver whose id no journal can keep fails its message alone', async () => {
  const long = 'y'.repeat(600)
  await using office = await Office.open()
  office.write(`A ${long} 1`, 'B x 1')
  await office.pass(100)
  expect(office.stored('x')).toEqual(['B x 1'])
  expect(await office.bridge.parked()).toMatchObject([{ key: 'A', error: expect.stringContaining('persistence id') }])
})

test('a receiver that throws at the door fails its message, not the bridge', async () => {
  const broken: BridgeTarget<null> = {
    name: 'broken',
    deliver: () => {
      throw new Error('no such door')
    },
  }
  await using office = await Office.open({
    translate: message => routeTo(broken, partsOf(message).id, null, partsOf(message).key),
  })
  office.write('A x 1')
  await office.pass(100)
  expect(await office.bridge.parked()).toMatchObject([{ error: 'no such door' }])
})

test('parking goes on when the store fails, and nothing passes what is to be parked', async () => {
  await using office = await Office.open({
    commandFor: label => (label === 'A x 1' ? { type: 'throw' } : undefined),
  })
  const { journal } = office.scene
  const labels = async (): Promise<string[]> =>
    (await office.bridge.parked()).map(({ payload }) => (payload as { label: string }).label)
  for (const [label, parkedBefore] of [
    ['A x 1', 0],
    ['A x 2', 1],
  ] as const) {
    let commits = 0
    office.write(label)
    journal.plan = operation => (operation === 'commit' && commits++ > 0 ? { fail: 'before' } : null)
    await office.pass(500)
    expect(await labels()).toHaveLength(parkedBefore)
    journal.plan = () => null
    await office.pass(3_000)
  }
  expect(await labels()).toEqual(['M:A x 1', 'M:A x 2'])
  expect(office.stored('x')).toEqual([])
})

test('messages wait for a receiver that is down, are never parked for it, and catch up in order', async () => {
  await using office = await Office.open()
  await office.hosted.ref.stop()
  office.write('A x 1', 'A x 2', 'B x 1', 'B y 1')
  await office.pass(5_000)
  expect(office.stored('x')).toEqual([])
  expect(await office.bridge.parked()).toEqual([])
  office.scene.spawn(office.hosted.kind.behavior)
  await office.pass(1_100)
  expect(office.stored('x').toSorted()).toEqual(['A x 1', 'A x 2', 'B x 1'])
  expect(office.stored('x').filter(label => label.startsWith('A'))).toEqual(['A x 1', 'A x 2'])
  expect(office.stored('y')).toEqual(['B y 1'])
  expect(office.cursor).toBeGreaterThanOrEqual(4)
})

test.each(['kill', 'stop', 'crash'] as const)(
  'a bridge that ends by %s with messages out loses and doubles none',
  async end => {
    await using office = await Office.open()
    const { opened, open } = gate()
    office.write('A x 1', 'B x 1', 'A x 2', 'C y 1')
    await settle()
    office.scene.journal.plan = operation => (operation === 'commit' ? { hold: opened } : null)
    office.write('D x 1')
    await office.pass(0)
    if (end === 'kill') office.ref.kill()
    else if (end === 'stop') await office.ref.stop()
    else
      office.ref.tell({
        get type(): string {
          throw new Error('crashed')
        },
      } as never)
    await settle()
    open()
    office.scene.journal.plan = () => null
    office.restart()
    await office.pass(100)
    expect(office.stored('x').toSorted()).toEqual(['A x 1', 'A x 2', 'B x 1', 'D x 1'])
    expect(office.stored('y')).toEqual(['C y 1'])
    expect(office.cursor).toBeGreaterThanOrEqual(5)
    // The next time begins behind what is done.
    const translated = office.translated.length
    office.ref.kill()
    office.restart()
    await office.pass(0)
    expect(office.translated.length).toBe(translated)
  },
)

test('what is asked before its first start waits for that, and fails with it', async () => {
  await using scene = await Scene.open()
  const bridgeNamed = (name: string) =>
    messageBridge({
      name,
      store: scene.store,
      source: logSource(scene.store, name, { events: ['Noted'] }),
      translate: () => null,
    })
  const starting = bridgeNamed('starting')
  const parked = starting.parked()
  await settle()
  scene.spawn(starting.behavior)
  expect(await parked).toEqual([])

  const failing = bridgeNamed('failing')
  const unanswered = rejection(failing.parked())
  scene.journal.plan = operation => (operation === 'lastSequenceNr' ? { fail: 'before' } : null)
  scene.spawn(failing.behavior)
  expect(await unanswered).toMatchObject({ code: 'BRIDGE_STOPPED' })
})

test('says BRIDGE_STOPPED when it does not run, and when it ends before it has answered', async () => {
  await using office = await Office.open({ commandFor: () => ({ type: 'throw' }) })
  office.write('A x 1')
  await office.pass(100)
  const replay = rejection(office.bridge.replay('A'))
  await settle()
  office.ref.kill()
  expect(await replay).toMatchObject({ code: 'BRIDGE_STOPPED' })
  expect(await rejection(office.bridge.parked())).toMatchObject({ code: 'BRIDGE_STOPPED' })
  expect(await rejection(office.bridge.replay('A'))).toMatchObject({ code: 'BRIDGE_STOPPED' })
})

test('leaves no timer behind when it stops while messages rest', async () => {
  await using office = await Office.open({
    commandFor: () => ({ type: 'throw' }),
    backoff: { minMs: 60_000, maxMs: 60_000 },
  })
  office.write('A x 1')
  await office.pass(300)
  await office.ref.stop()
  await office.hosted.ref.stop()
  await office.scene.store.close()
  expect(office.scene.clock.pending).toBe(0)
})

test('a lost answer of the receiver’s write is neither a loss nor a second effect', async () => {
  await using office = await Office.open()
  office.write('A x 1')
  failNext(office.scene.journal, 'commit', 'after', 2)
  await office.pass(500)
  expect(office.stored('x')).toEqual(['A x 1'])
  expect(office.cursor).toBeGreaterThanOrEqual(1)
})

test('refuses a name that no parking lot can have, and bounds that are no counts', async () => {
  const bridgeOf = (wishes: object) => rejection(Office.open(wishes))
  expect(await bridgeOf({ name: 'n'.repeat(600) })).toMatchObject({ code: 'PERSISTENCE_ID_INVALID' })
  for (const wrong of [{ attempts: 0 }, { maxInFlight: 0.5 }, { maxWaiting: Number.POSITIVE_INFINITY }])
    expect(await bridgeOf(wrong)).toMatchObject({
      code: 'DEFINITION_INVALID',
      message: expect.stringContaining(`office: ${Object.keys(wrong)[0]}`),
    })
})

test.each([
  [{ source: undefined }, 'source must be a message source, not undefined'],
  [{ translate: 'risk' }, 'translate must be a function, not "risk"'],
  [{ store: {} }, 'store must be an EventStore'],
  [{ maxInflight: 5 }, 'not "maxInflight"'],
])('refuses a bridge with %o', async (wrong, text) => {
  await using scene = await Scene.open()
  const definition = { name: 'office', source: logSource(scene.store, 'office', { events: ['Noted'] }) }
  const whole = { ...definition, translate: () => null, store: scene.store }
  expect(() => messageBridge({ ...whole, ...wrong } as never)).toThrow(
    expect.objectContaining({ code: 'DEFINITION_INVALID', message: expect.stringContaining(text) }),
  )
})

test.each([{}, { events: [] }, { event: ['Noted'] }])('refuses the filter %o of a log source', async filter => {
  await using scene = await Scene.open()
  expect(() => logSource(scene.store, 'office', filter as never)).toThrow(
    expect.objectContaining({ code: 'DEFINITION_INVALID', message: expect.stringContaining('log source office: ') }),
  )
})

test.each([
  ['an object that is no route', { nope: 1 }],
  ['nothing, not even null', undefined],
])('parks a message that is translated into %s, and says so', async (_, answer) => {
  await using office = await Office.open({ translate: () => answer as never })
  office.write('A x 1')
  await office.pass(200)
  const [parked] = await office.bridge.parked()
  expect(parked?.error).toContain('bridge office: translate must give routeTo(…) or null')
  expect(parked?.error).toContain('type M')
})

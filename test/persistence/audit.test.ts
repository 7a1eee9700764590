import { expect, test } from 'vitest'
import { logSource } from '../../src/messaging/log-source.ts'
import { messageBridge } from '../../src/messaging/message-bridge.ts'
import { routeTo } from '../../src/messaging/route.ts'
import { type DecideContext, type Decision, eventSourced } from '../../src/persistence/event-sourced.ts'
import { entities } from '../../src/persistence/event-sourced-entities.ts'
import { type HistoryEntry, history } from '../../src/persistence/history.ts'
import { gate, rejection, settle } from '../kernel/support.ts'
import { Handed, Scene } from './support.ts'

type Command =
  | { readonly type: 'book'; readonly cents: number }
  | { readonly type: 'correct'; readonly eventId: string; readonly cents: number; readonly times?: number }
  | { readonly type: 'send' }
  | { readonly type: 'read' }

type Event = { readonly type: 'Booked' | 'Corrected'; readonly cents: number }

const account = (seen: DecideContext[] = []) =>
  eventSourced<Command, Event, number, number>({
    name: 'account',
    initial: () => 0,
    decide: (cents, command, context): Decision<Event, number> => {
      seen.push(context)
      switch (command.type) {
        case 'book':
          return { events: [{ type: 'Booked', cents: command.cents }], reply: cents + command.cents }
        case 'correct': {
          const event = { type: 'Corrected' as const, cents: command.cents }
          const events = Array.from({ length: command.times ?? 1 }, () => event)
          return { events, compensates: command.eventId, reply: cents + command.cents }
        }
        case 'send':
          return { send: [{ to: 'elsewhere', command: {} }] }
        case 'read':
          return { reply: cents }
      }
    },
    evolve: (cents, event) => cents + event.cents,
  })

const book = (cents: number) => ({ type: 'book' as const, cents })
const correct = (eventId: string, cents: number) => ({ type: 'correct' as const, eventId, cents })
const read = { type: 'read' as const }

const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

const stage = async () => {
  const scene = await Scene.open()
  const seen: DecideContext[] = []
  const kind = entities(account(seen), scene.store)
  scene.spawn(kind.behavior)
  const past = async (id: string): Promise<readonly HistoryEntry[]> => {
    const found: HistoryEntry[] = []
    for await (const entry of history(scene.store, 'account', id)) found.push(entry)
    return found
  }
  return { scene, kind, seen, past }
}

test('keeps on whose behalf, why and in which trace, as its sender said, and shows decide the first three', async () => {
  const { scene, kind, seen, past } = await stage()
  await using _ = scene
  await kind.ask('a', book(5), { principal: 'user:42', traceParent: TRACE, timeoutMs: 1_000 })
  kind.tell('a', book(7), { causationId: 'request-1', correlationId: 'flow-1' })
  await kind.ask('a', book(1))
  const cause = { principal: null, causationId: null, correlationId: null }
  expect(seen).toMatchObject([
    { ...cause, principal: 'user:42' },
    { ...cause, causationId: 'request-1', correlationId: 'flow-1' },
    cause,
  ])
  expect(await past('a')).toMatchObject([
    { ...cause, principal: 'user:42', traceParent: TRACE },
    { ...cause, causationId: 'request-1', correlationId: 'flow-1', traceParent: null },
    { ...cause, traceParent: null },
  ])
})

test('what a message of the log leads to is on behalf of whoever sent the first, in the same trace', async () => {
  const { scene, kind, past } = await stage()
  await using _ = scene
  const bridge = messageBridge({
    name: 'audit',
    store: scene.store,
    source: logSource(scene.store, 'audit', { events: ['Booked'] }),
    translate: () => routeTo(kind, 'copy', { type: 'send' }),
  })
  scene.spawn(bridge.behavior)
  await kind.ask('a', { type: 'book', cents: 3 }, { principal: 'user:42', traceParent: TRACE, correlationId: 'flow-9' })
  await scene.pass(20)
  const [copied] = await past('copy')
  const [first] = await past('a')
  expect(copied).toMatchObject({
    principal: 'user:42',
    traceParent: TRACE,
    correlationId: 'flow-9',
    causationId: first?.eventId,
    source: 'audit',
  })
})

test.each([
  [{ principal: '' }, 'principal'],
  [{ principal: 'x'.repeat(257) }, 'principal'],
  [{ principal: '\ud800' }, 'principal'],
  [{ principal: 7 as unknown as string }, 'principal'],
  [{ causationId: 'x'.repeat(513) }, 'causationId'],
  [{ correlationId: '' }, 'correlationId'],
  [{ traceParent: 'mine' }, 'traceParent'],
  [{ traceParent: TRACE.replace('0af7651916cd43dd8448eb211c80319c', '0'.repeat(32)) }, 'traceParent'],
])('refuses the cause %j', async (cause, field) => {
  const { scene, kind } = await stage()
  await using _ = scene
  const error = await rejection(kind.ask('a', book(1), cause))
  expect(error).toMatchObject({ code: 'CAUSE_INVALID', message: expect.stringContaining(field) })
  expect(() => kind.tell('a', book(1), cause)).toThrowError(expect.objectContaining({ code: 'CAUSE_INVALID' }))
  expect(await kind.ask('a', read)).toBe(0)
})

test('history shows from either side what compensates for what', async () => {
  const { scene, kind, past } = await stage()
  await using _ = scene
  await kind.ask('a', book(5))
  await kind.ask('a', book(50))
  const [, wrong] = await past('a')
  expect(await kind.ask('a', { ...correct(wrong!.eventId, -20), times: 2 })).toBe(35)
  await kind.ask('a', correct(wrong!.eventId, -5))
  const entries = await past('a')
  const ids = entries.map(({ eventId }) => eventId)
  expect(entries.map(({ compensates }) => compensates)).toEqual([null, null, ids[1], ids[1], ids[1]])
  expect(entries.map(({ compensatedBy }) => compensatedBy)).toEqual([[], ids.slice(2), [], [], []])
})

test('compensates for an event that was decided in the same turn and is not durable yet, commands in order', async () => {
  const { scene, kind, past } = await stage()
  await using _ = scene
  const { opened, open } = gate()
  scene.journal.plan = operation => (operation === 'commit' ? { wait: opened } : null)
  const booked = kind.ask('a', book(5))
  await settle()
  // The first append of the store's writer.
  const eventId = `${/^[^-]+/.exec(scene.store.nextAppendId())?.[0]}-1.0`
  const answers = Promise.all([booked, kind.ask('a', correct(eventId, -5)), kind.ask('a', book(1))])
  await settle()
  open()
  expect(await answers).toEqual([5, 0, 1])
  expect((await past('a')).map(({ payload }) => (payload as Event).cents)).toEqual([5, -5, 1])
})

test.each([
  ['an event that never was', 'nobody-1.0'],
  ['no text', 7 as unknown as string],
])('refuses to compensate for %s, and the state is what it was', async (_what, eventId) => {
  const { scene, kind } = await stage()
  await using _ = scene
  await kind.ask('a', book(5))
  const refused = rejection(kind.ask('a', correct(eventId, -5)))
  const delivery = new Handed(1)
  kind.deliver('a', correct(eventId, -5), delivery)
  const behind = kind.ask('a', book(1))
  expect(await refused).toMatchObject({ code: 'COMPENSATION_INVALID' })
  expect(await behind).toBe(6)
  expect(delivery.outcomes).toMatchObject([{ error: { code: 'COMPENSATION_INVALID' }, culprit: true }])
  expect(kind.restarts).toBe(0)
})

test('refuses to compensate for an event of another entity, for what was sent, and with no event', async () => {
  const { scene, kind, past } = await stage()
  await using _ = scene
  await kind.ask('a', book(5))
  await kind.ask('b', book(5))
  await kind.ask('a', { type: 'send' })
  const [own, sent] = await past('a')
  const [others] = await past('b')
  for (const command of [
    correct(others!.eventId, -5),
    correct(sent!.eventId, -5),
    { ...correct(own!.eventId, -5), times: 0 },
  ])
    expect(await rejection(kind.ask('a', command))).toMatchObject({ code: 'COMPENSATION_INVALID' })
  expect(await kind.ask('a', read)).toBe(5)
})

test('where the journal cannot be asked for the event, the command is rejected and nothing crashes', async () => {
  const { scene, kind, past } = await stage()
  await using _ = scene
  await kind.ask('a', book(5))
  const [own] = await past('a')
  scene.journal.plan = operation => (operation === 'read' ? { fail: 'before' } : null)
  expect(await rejection(kind.ask('a', correct(own!.eventId, -5)))).toMatchObject({ code: 'WRITE_REJECTED' })
  scene.journal.plan = () => null
  expect(await kind.ask('a', correct(own!.eventId, -5))).toBe(0)
  expect(kind.restarts).toBe(0)
})

import { expect, test } from 'vitest'
import { ActorSystem, EventStore, entities, eventSourced, silentLogger, systemPorts } from '../../src/index.ts'
import { memoryJournal } from '../../src/persistence/memory-journal.ts'
import { RECORD_TYPE_MAX, recordsOf } from '../../src/persistence/records-of.ts'

const hidden = Object.defineProperty({ n: 1 }, 'type', { value: 'Hidden', enumerable: false })

const refused: Record<string, unknown> = {
  'an event without a type': { events: [{ n: 1 }] },
  'an event whose type is a number': { events: [{ type: 5 }] },
  'an event whose type is empty': { events: [{ type: '' }] },
  'an event whose type is too long': { events: [{ type: 'x'.repeat(RECORD_TYPE_MAX + 1) }] },
  'an event whose type is no well-formed text': { events: [{ type: '\ud800' }] },
  'an event whose type the codec would not see': { events: [hidden] },
  'null for an event': { events: [null] },
  'a text for an event': { events: ['Added'] },
  'a hole among events': { events: new Array(2) },
  'a sent message without an address': { send: [{ command: {} }] },
  'a sent message whose address is a number': { send: [{ to: 5, command: {} }] },
  'a sent message without a command': { send: [{ to: 'risk' }] },
  'null for a sent message': { send: [null] },
  'what no journal stores': { events: [{ type: 'Added', run: () => 1 }] },
}

for (const [what, decision] of Object.entries(refused))
  test(`refuses ${what}`, () => {
    expect(() => recordsOf(decision as never)).toThrow(expect.objectContaining({ code: 'EVENT_NOT_STORABLE' }))
  })

const wrong: Record<string, unknown> = {
  nothing: undefined,
  null: null,
  'a text': 'x',
  'a promise': Promise.resolve({}),
  'a set of events': { events: new Set() },
  'something like an array of events': { events: { length: 1e9 } },
  'one message sent in place of a list': { send: { to: 'risk', command: {} } },
  'a list': [],
  'a list of events': [{ type: 'Added' }],
}

for (const [what, decision] of Object.entries(wrong))
  test(`takes ${what} for no decision`, () => {
    expect(() => recordsOf(decision as never)).toThrow(expect.objectContaining({ code: 'DECISION_INVALID' }))
  })

test.each([
  [{ event: [{ type: 'Added' }] }, /decision may have events, reply, send, compensates, not "event"$/],
  [{ events: [{ type: 'Added' }], sned: [] }, /not "sned"$/],
  [{ type: 'Added' }, /not "type": an event goes into events: \[event\]$/],
])('takes %o, of which nothing would be stored, for no decision', (decision, message) => {
  expect(() => recordsOf(decision as never)).toThrow(
    expect.objectContaining({ code: 'DECISION_INVALID', message: expect.stringMatching(message) }),
  )
})

test('a decision that cannot be stored is answered with the error, and the rest of the commit is stored', async () => {
  const store = await EventStore.open(memoryJournal(), { ...systemPorts, logger: silentLogger })
  const counter = eventSourced<{ readonly bad: boolean }, { readonly type: string }, number, number>({
    name: 'counter',
    initial: () => 0,
    decide: (count, { bad }) => ({ events: [bad ? ({ n: 1 } as never) : { type: 'Added' }], reply: count + 1 }),
    evolve: count => count + 1,
  })
  await using system = ActorSystem.start({ logger: silentLogger })
  const kind = entities(counter, store)
  system.spawn(kind.behavior)
  const asked = ['a', 'b', 'c'].map((id, i) => kind.ask(id, { bad: i === 1 }))
  const answers = await Promise.allSettled(asked)
  expect(answers.map(answer => (answer.status === 'fulfilled' ? answer.value : answer.reason.code))).toEqual([
    1,
    'EVENT_NOT_STORABLE',
    1,
  ])
  expect(await kind.ask('b', { bad: false })).toBe(1)
  await system.terminate()
  await store.close()
})

for (const definition of [
  { name: '' },
  { name: 'a|b' },
  { name: 'a', snapshot: { every: 0 } },
  { name: 'a', snapshot: { every: 1.5 } },
  { name: 'a', snapshot: { every: 1, keep: 0 } },
])
  test(`refuses the definition ${JSON.stringify(definition)}`, () => {
    const rest = { initial: () => 0, decide: () => ({}), evolve: () => 0 }
    expect(() => eventSourced({ ...definition, ...rest })).toThrow(
      expect.objectContaining({ code: 'DEFINITION_INVALID' }),
    )
  })

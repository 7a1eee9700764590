import { expect, test } from 'vitest'
import { eventSourced } from '../../src/persistence/event-sourced.ts'
import { entities } from '../../src/persistence/event-sourced-entities.ts'
import { EventStore } from '../../src/persistence/event-store.ts'
import { memoryJournal } from '../../src/persistence/memory-journal.ts'
import { ledger, Scene } from './support.ts'

const thrownBy = (doing: () => unknown): unknown => {
  try {
    doing()
  } catch (error) {
    return error
  }
  return expect.fail('nothing was thrown')
}

const refused = (field: string, value: string) => ({
  code: 'DEFINITION_INVALID',
  message: expect.stringMatching(new RegExp(`${field}.* not ${value}$|${field} ${value}:`)),
})

test.each([
  [undefined, 'definition', 'undefined'],
  ['x', 'definition', '"x"'],
  [{ ...ledger(), name: 5 }, 'name', '5'],
  [{ ...ledger(), name: undefined }, 'name', 'undefined'],
  [{ ...ledger(), initial: undefined }, 'initial', 'undefined'],
  [{ ...ledger(), decide: {} }, 'decide', '.object Object.'],
  [{ ...ledger(), evolve: null }, 'evolve', 'null'],
  [{ ...ledger(), snapshot: 100 }, 'snapshot', '100'],
  [{ ...ledger(), snapshot: { every: 0 } }, 'snapshot.every', '0'],
  [{ ...ledger(), snapshot: { keep: 2 } }, 'snapshot', 'only keep'],
  [{ ...ledger(), snapshot: { every: 5, onStop: 1 } }, 'snapshot.onStop', '1'],
  [{ ...ledger(), snapshot: { when: 'always' } }, 'snapshot.when', '"always"'],
  [{ ...ledger(), snapshot: { every: 1, deleteEvents: 'yes' } }, 'snapshot.deleteEvents', '"yes"'],
  [{ ...ledger(), snapshots: { every: 1 } }, 'definition', '"snapshots"'],
  [{ ...ledger(), snapshot: { every: 1, keeps: 2 } }, 'snapshot', '"keeps"'],
])(
  'refuses the definition %o where it is made and where it is hosted, with the field and the value',
  async (definition, field, value) => {
    await using scene = await Scene.open()
    expect(thrownBy(() => eventSourced(definition as never))).toMatchObject(refused(field, value))
    expect(thrownBy(() => entities(definition as never, scene.store))).toMatchObject(refused(field, value))
  },
)

test.each([undefined, {}])('refuses %o as a store', store => {
  expect(thrownBy(() => entities(ledger(), store as never))).toMatchObject(
    refused('store', store === undefined ? 'undefined' : '.object Object.'),
  )
})

test.each([
  [{ maxLive: 0 }, 'maxLive', '0'],
  [{ maxLive: Number.NaN }, 'maxLive', 'NaN'],
  [{ passivateAfterMs: 0 }, 'passivateAfterMs', '0'],
  [{ passivateAfterMs: '60' }, 'passivateAfterMs', '"60"'],
  [{ shutdownMs: -1 }, 'shutdownMs', '-1'],
  [{ backoff: { minMs: Number.NaN } }, 'backoff.minMs', 'NaN'],
  [{ backoff: { maxMs: -5 } }, 'backoff.maxMs', '-5'],
  [{ backoff: { max: 5 } }, 'backoff', '"max"'],
  [{ passivateAfter: 5 }, 'options', '"passivateAfter"'],
  ['x', 'options', '"x"'],
])('refuses the options %o', async (options, field, value) => {
  await using scene = await Scene.open()
  expect(thrownBy(() => entities(ledger(), scene.store, options as never))).toMatchObject(refused(field, value))
})

test.each([
  [[], /journal, such as memoryJournal\(\), not undefined/],
  [['./data'], /not "\.\/data"/],
  [[memoryJournal], /not a function: call it/],
  [[memoryJournal(), { recvery: {} }], /options .*not "recvery"/],
  [[memoryJournal(), { recovery: { maxAtOnc: 1 } }], /recovery: .*not "maxAtOnc"/],
  [[memoryJournal(), 'x'], /options must be an object, not "x"/],
])('refuses to open a store with %o, with what is wrong', async (given, message) => {
  await expect((EventStore.open as (...given: unknown[]) => Promise<EventStore>)(...given)).rejects.toMatchObject({
    code: expect.stringMatching(/JOURNAL_MISCONFIGURED|DEFINITION_INVALID/),
    message: expect.stringMatching(message),
  })
})

test.each([
  ['x', /must be an object, not "x"/],
  [{ stroe: {} }, /not "stroe"/],
  [{ writer: 'own' }, /writer .* not "own"/],
  [{ store: {} }, /store must be made by memoryStore/],
])('refuses the memory journal of %o', (options, message) => {
  expect(thrownBy(() => memoryJournal(options as never))).toMatchObject({
    code: 'JOURNAL_MISCONFIGURED',
    message: expect.stringMatching(message),
  })
})

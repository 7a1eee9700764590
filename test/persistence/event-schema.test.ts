import { expect, test } from 'vitest'
import {
  dropEvent,
  type EventSchema,
  eventSchema,
  type Upcaster,
  upcast,
  upcastTo,
} from '../../src/persistence/event-schema.ts'
import { eventSourced } from '../../src/persistence/event-sourced.ts'
import { entities } from '../../src/persistence/event-sourced-entities.ts'
import { type MemoryStore, memoryStore } from '../../src/persistence/memory-journal.ts'
import { recover } from '../../src/persistence/recovery.ts'
import { rejection, settle } from '../kernel/support.ts'
import { Scene } from './support.ts'

type Any = { readonly type: string; readonly [field: string]: unknown }

/** Stores what it is told, folds what it is given into a list. */
const keeper = (schema?: EventSchema) =>
  eventSourced<readonly Any[], Any, readonly Any[], readonly Any[]>({
    name: 'keeper',
    initial: () => [],
    decide: (kept, events) => ({ events, reply: [...kept, ...events] }),
    evolve: (kept, event) => [...kept, event],
    ...(schema === undefined ? {} : { schema }),
  })

const storeWith = async (memory: MemoryStore, schema: EventSchema | undefined, events: readonly Any[]) => {
  await using scene = await Scene.open(memory)
  const kind = entities(keeper(schema), scene.store)
  scene.system.spawn(kind.behavior, { name: 'keeper' })
  await settle()
  await kind.ask('a', events)
}

const recovered = async (memory: MemoryStore, schema: EventSchema) => {
  await using scene = await Scene.open(memory)
  return (await recover(scene.store, keeper(schema) as never, 'a')) as { state: readonly Any[]; sequenceNr: number }
}

const versions = <T extends string>(of: { readonly [Type in T]: number }, upcasters: readonly Upcaster[] = []) =>
  eventSchema<{ readonly type: T }>({ versions: of, upcasters })

test('reads an old event through every upcaster up to the present version', async () => {
  const memory = memoryStore()
  await storeWith(memory, undefined, [{ type: 'Rated', euros: 12 }])
  const schema = versions({ Rated: 3 }, [
    upcast<{ euros: number }>('Rated', 1, ({ euros, ...rest }) => ({ ...rest, cents: euros * 100 })),
    upcast<{ cents: number }>('Rated', 2, ({ cents }) => ({ amount: { cents, currency: 'EUR' } })),
  ])
  expect((await recovered(memory, schema)).state).toEqual([{ type: 'Rated', amount: { cents: 1200, currency: 'EUR' } }])
})

test('stores an event with the present version, which needs no upcaster', async () => {
  const memory = memoryStore()
  const schema = versions({ Rated: 2 }, [upcast('Rated', 1, () => ({ from: 1 }))])
  await storeWith(memory, schema, [{ type: 'Rated', from: 2 }])
  expect(memory.partitions[0]!.log[0]!.records[0]).toMatchObject({ type: 'Rated', version: 2 })
  expect((await recovered(memory, schema)).state).toEqual([{ type: 'Rated', from: 2 }])
})

test('splits one event into several, renames one, and drops one, without a change of sequence numbers', async () => {
  const memory = memoryStore()
  await storeWith(memory, undefined, [
    { type: 'Moved', from: 'x', to: 'y' },
    { type: 'Noticed', what: 'z' },
    { type: 'Debugged' },
  ])
  const schema = versions({ Left: 1, Entered: 2 }, [
    upcastTo<{ from: string; to: string }>('Moved', 1, ({ from, to }) => [
      { type: 'Left', version: 1, payload: { type: 'Left', from } },
      { type: 'Entered', version: 1, payload: { type: 'Entered', to } },
    ]),
    upcast<object>('Entered', 1, old => ({ ...old, by: 'door' })),
    upcastTo<{ what: string }>('Noticed', 1, ({ what }) => [
      { type: 'Left', version: 1, payload: { type: 'Left', from: what } },
    ]),
    dropEvent('Debugged', 1),
  ])
  expect(await recovered(memory, schema)).toMatchObject({
    sequenceNr: 3,
    state: [
      { type: 'Left', from: 'x' },
      { type: 'Entered', to: 'y', by: 'door' },
      { type: 'Left', from: 'z' },
    ],
  })
})

test('fails on an event of an unknown type or version, naming id and sequence number', async () => {
  const memory = memoryStore()
  await storeWith(memory, undefined, [{ type: 'Known' }, { type: 'Strange' }])
  expect(await rejection(recovered(memory, versions({ Known: 1 })))).toMatchObject({
    code: 'EVENT_UNKNOWN',
    message: expect.stringMatching(/^keeper\|a, event 2: no event Strange of version 1 is known/),
  })
  const later = memoryStore()
  await storeWith(later, versions({ Known: 2 }, [dropEvent('Known', 1)]), [{ type: 'Known' }])
  expect(await rejection(recovered(later, versions({ Known: 1 })))).toMatchObject({
    code: 'EVENT_UNKNOWN',
    message: expect.stringMatching(/^keeper\|a, event 1: no event Known of version 2 .*present version is 1/),
  })
})

test('skips what is unknown where the schema says so', async () => {
  const memory = memoryStore()
  await storeWith(memory, undefined, [{ type: 'Strange' }, { type: 'Known' }])
  const schema = eventSchema<{ type: 'Known' }>({ versions: { Known: 1 }, unknown: 'skip' })
  expect((await recovered(memory, schema)).state).toEqual([{ type: 'Known' }])
})

test('names the event whose upcaster throws, or comes to no end', async () => {
  const memory = memoryStore()
  await storeWith(memory, undefined, [{ type: 'Known' }])
  const throwing = upcast('Known', 1, () => {
    throw new Error('no euros')
  })
  expect(await rejection(recovered(memory, versions({ Known: 2 }, [throwing])))).toMatchObject({
    code: 'EVENT_UPCAST_FAILED',
    message: expect.stringMatching(/^keeper\|a, event 1: Known of version 1 .*no euros/),
  })
  const again = upcastTo('Known', 1, payload => [{ type: 'Known', version: 1, payload }])
  expect(await rejection(recovered(memory, versions({ Known: 2 }, [again])))).toMatchObject({
    code: 'EVENT_UPCAST_FAILED',
    message: expect.stringContaining('do not come to an end'),
  })
})

test('refuses a schema with a version that nothing reads, or that two read', () => {
  const code = 'DEFINITION_INVALID'
  const refusal = (make: () => unknown) => {
    try {
      make()
    } catch (error) {
      return error
    }
    return null
  }
  expect(refusal(() => versions({ Known: 3 }, [dropEvent('Known', 1)]))).toMatchObject({
    code,
    message: expect.stringContaining('Known is at version 3, and no upcaster reads version 2'),
  })
  expect(refusal(() => versions({ Known: 1 }, [dropEvent('Old', 1), dropEvent('Old', 1)]))).toMatchObject({ code })
  expect(refusal(() => versions({ Known: 1 }, [dropEvent('Known', 1)]))).toMatchObject({ code })
  expect(refusal(() => versions({ Known: 0 }))).toMatchObject({ code })
  expect(refusal(() => versions({ Known: 1 }, [dropEvent('Old', 1.5)]))).toMatchObject({ code })
})

test('a decision with an event that the schema does not name crashes the actor and stores nothing', async () => {
  const memory = memoryStore()
  const stored = storeWith(memory, versions({ Known: 1 }), [{ type: 'Strange' }])
  expect(await rejection(stored)).toMatchObject({ code: 'ACTOR_CRASHED' })
  expect(memory.partitions[0]!.log).toEqual([])
})

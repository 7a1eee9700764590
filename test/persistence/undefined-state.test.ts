import { expect, test } from 'vitest'
import { silentLogger } from '../../src/base/logger.ts'
import { toFunction } from '../../src/functions/index.ts'
import { eventSourced } from '../../src/persistence/event-sourced.ts'
import { entities } from '../../src/persistence/event-sourced-entities.ts'
import { memoryJournal } from '../../src/persistence/memory-journal.ts'
import { Scene } from './support.ts'

/** Its `evolve` gives the states one after the other, and keeps to the last. */
const counter = <State>(initial: State, ...states: readonly State[]) => {
  let folded = 0
  return eventSourced<'add', { readonly type: 'Added' }, State, string>({
    name: 'counter',
    initial: () => initial,
    decide: state => ({ events: [{ type: 'Added' }], reply: `was ${state}` }),
    evolve: () => states[Math.min(folded++, states.length - 1)] as State,
  })
}

const forgotten = /counter: evolve gave undefined for Added: return the state/

const rejection = (asked: Promise<unknown>): Promise<unknown> =>
  asked.then(
    () => 'answered',
    error => error,
  )

test('an evolve that returns nothing crashes the entity as one that throws does, and stores nothing', async () => {
  await using scene = await Scene.open()
  const kind = entities(counter<number | undefined>(0, undefined), scene.store)
  scene.spawn(kind.behavior)
  expect(await rejection(kind.ask('a', 'add'))).toMatchObject({
    code: 'ACTOR_CRASHED',
    cause: { code: 'DEFINITION_INVALID', message: expect.stringMatching(forgotten) },
  })
  expect(scene.log).toEqual([])
})

test('an evolve that returns nothing makes a recovery fail, and names the event', async () => {
  await using scene = await Scene.open()
  const kind = entities(counter<number | undefined>(0, 1, undefined), scene.store, { passivateAfterMs: 100 })
  scene.spawn(kind.behavior)
  expect(await kind.ask('a', 'add')).toBe('was 0')
  await scene.pass(200)
  expect(kind.live).toBe(0)
  expect(await rejection(kind.ask('a', 'add'))).toMatchObject({
    code: 'RECOVERY_FAILED',
    message: expect.stringMatching(/counter\|a, event 1: evolve failed on Added/),
    cause: { code: 'DEFINITION_INVALID', message: expect.stringMatching(forgotten) },
  })
})

test('an evolve that returns nothing fails the invocation of a function', async () => {
  const invoke = toFunction({
    entity: counter<number | undefined>(0, undefined),
    journal: memoryJournal({ writer: 'guest' }),
    logger: silentLogger,
  })
  await expect(invoke({ id: 'a', command: 'add' })).rejects.toMatchObject({
    code: 'DEFINITION_INVALID',
    message: expect.stringMatching(forgotten),
  })
  await invoke.close()
})

test('undefined is a state where initial gives it', async () => {
  await using scene = await Scene.open()
  const kind = entities(counter<number | undefined>(undefined, 1, undefined), scene.store)
  scene.spawn(kind.behavior)
  const answers = [await kind.ask('a', 'add'), await kind.ask('a', 'add'), await kind.ask('a', 'add')]
  expect(answers).toEqual(['was undefined', 'was 1', 'was undefined'])
})

import { expect, test } from 'vitest'
import { entities, oneEntity } from '../../src/persistence/event-sourced-entities.ts'
import { supervisorControl } from '../../src/supervision/control.ts'
import { supervisor } from '../../src/supervision/supervisor.ts'
import { hold, rejection, settle } from '../kernel/support.ts'
import { ledger, Scene } from './support.ts'

const add = (label: string) => ({ type: 'add' as const, label })

/** Starts a host under a parent that does not restart it, and says how that went. */
const startOf = async (scene: Scene, kind: { readonly behavior: Parameters<typeof hold>[1] }) => {
  const held = await hold(scene, kind.behavior, () => false)
  return { ...held, start: held.starts[0]! }
}

test('a second host of a kind on the same store is refused at its start, and the first goes on', async () => {
  await using scene = await Scene.open()
  const first = scene.host()
  expect(await first.kind.ask('a', add('1'))).toEqual(['1'])
  const second = entities(ledger(), scene.store)
  const early = rejection(second.ask('a', add('never')))
  const { start } = await startOf(scene, second)
  expect(start).toMatchObject({
    type: 'failed',
    error: { code: 'ENTITIES_RUNNING', message: expect.stringContaining('kind ledger') },
  })
  for (const asked of [early, rejection(second.ask('a', add('never')))])
    expect(await asked).toMatchObject({ code: 'ACTOR_STOPPED' })
  expect(await first.kind.ask('a', add('2'))).toEqual(['1', '2'])
  expect(first.kind.restarts).toBe(0)
})

test('the same host under two parents is such a second one', async () => {
  await using scene = await Scene.open()
  const { kind } = scene.host()
  await settle()
  expect((await startOf(scene, kind)).start).toMatchObject({ type: 'failed', error: { code: 'ENTITIES_RUNNING' } })
  expect(await kind.ask('a', add('1'))).toEqual(['1'])
})

test.each(['stop', 'kill'] as const)('once the first has ended by a %s another one may start', async end => {
  await using scene = await Scene.open()
  const first = scene.host()
  await first.kind.ask('a', add('1'))
  if (end === 'stop') await first.ref.stop()
  else first.ref.kill()
  await settle()
  const second = entities(ledger(), scene.store)
  expect((await startOf(scene, second)).start).toEqual({ type: 'started' })
  expect(await second.ask('a', add('2'))).toEqual(['1', '2'])
})

test('its own restart is no second host', async () => {
  await using scene = await Scene.open()
  const kind = entities(ledger(), scene.store)
  const tree = supervisor({ intensity: 5, children: [{ id: 'ledger', start: kind.behavior }] })
  const top = scene.spawn(tree)
  expect(await kind.ask('a', add('1'))).toEqual(['1'])
  const [child] = await supervisorControl(top).whichChildren()
  child!.ref!.kill()
  await settle()
  expect(await kind.ask('a', add('2'))).toEqual(['1', '2'])
})

test('kinds of other names, and the same kind on another store, are hosts of their own', async () => {
  await using scene = await Scene.open()
  await using other = await Scene.open()
  scene.host()
  await settle()
  const renamed = entities({ ...ledger(), name: 'other' }, scene.store)
  expect((await startOf(scene, renamed)).start).toEqual({ type: 'started' })
  expect((await startOf(other, entities(ledger(), other.store))).start).toEqual({ type: 'started' })
})

test('single ids of a kind have hosts of their own, one for each, and none beside a host of all', async () => {
  await using scene = await Scene.open()
  const [a, b, again] = ['a', 'b', 'a'].map(id => oneEntity(ledger(), scene.store, id))
  const started = [await startOf(scene, a!), await startOf(scene, b!)]
  expect(started.map(({ start }) => start.type)).toEqual(['started', 'started'])
  const refused = [again!, entities(ledger(), scene.store)]
  for (const kind of refused)
    expect((await startOf(scene, kind)).start).toMatchObject({ type: 'failed', error: { code: 'ENTITIES_RUNNING' } })
  expect(await a!.ask('a', add('1'))).toEqual(['1'])
  expect(await rejection(a!.ask('b', add('1')))).toMatchObject({ code: 'PERSISTENCE_ID_INVALID' })
})

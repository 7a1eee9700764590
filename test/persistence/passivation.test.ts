import { expect, test } from 'vitest'
import { settle } from '../kernel/support.ts'
import { Handed, Scene } from './support.ts'

const add = (label: string) => ({ type: 'add' as const, label })

test('100,000 ids with a cap of 1,000: never more alive, and none loses a message', async () => {
  await using scene = await Scene.open()
  const { kind } = scene.host({ maxLive: 1_000 })
  const ids = Array.from({ length: 100_000 }, (_, i) => `id-${i}`)
  let liveMax = 0
  const asked = ids.map((id, i) => {
    kind.tell(id, add('told'))
    const answer = kind.ask(id, add('asked'))
    if (i % 97 === 0) liveMax = Math.max(liveMax, kind.live)
    return answer
  })
  const answers = await Promise.all(asked)
  expect(Math.max(liveMax, kind.live)).toBeLessThanOrEqual(1_000)
  expect(answers.every(labels => labels.length === 2 && labels[0] === 'told' && labels[1] === 'asked')).toBe(true)
  expect(scene.letters).toEqual([])
  expect(kind.restarts).toBe(0)
}, 60_000)

test('an entity that is stopped to make room comes back with its state, and loses nothing that came in the change', async () => {
  await using scene = await Scene.open()
  const { kind } = scene.host({ maxLive: 1 })
  const deliveries: Handed[] = []
  for (let round = 1; round <= 50; round++)
    for (const id of ['a', 'b', 'c']) {
      const delivery = new Handed(round)
      deliveries.push(delivery)
      kind.deliver(id, add(`${round}`), delivery)
      if (round % 7 === 0) await settle()
    }
  const wanted = Array.from({ length: 50 }, (_, i) => `${i + 1}`)
  for (const id of ['a', 'b', 'c']) expect(await kind.ask(id, { type: 'read' })).toEqual(wanted)
  expect(deliveries.every(({ outcomes }) => outcomes.length === 1 && outcomes[0] === 'done')).toBe(true)
})

test('an entity that has nothing to store ends at once when its rest is over', async () => {
  await using scene = await Scene.open()
  const { kind } = scene.host({ passivateAfterMs: 1_000 })
  await kind.ask('a', add('1'))
  await settle()
  scene.clock.advance(900)
  expect(kind.live).toBe(1)
  scene.clock.advance(400)
  expect(kind.live).toBe(0)
})

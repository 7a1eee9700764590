/** What a message source promises, each on its own: order, places, redelivery, groups, its end. */

import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict'
import type { SourceMessage } from '../../messaging/message-source.ts'
import { type SourceTest, said } from './source-scene.ts'

/** Given and not done at one time. */
const OUTSTANDING = 64

export const sourceDelivering: Readonly<Record<string, SourceTest>> = {
  'gives what is there already and what comes, in order, and wakes its reader': async scene => {
    await scene.publish('a', 'b')
    const reader = await scene.open('g')
    await scene.has(reader, 'a', 'b')
    await scene.publish('c')
    await scene.publish('d')
    await scene.has(reader, 'a', 'b', 'c', 'd')
  },

  'gives places that grow, or null for all, and ids that differ': async scene => {
    await scene.publish('a', 'b', 'c')
    const reader = await scene.open('g')
    await scene.has(reader, 'a', 'b', 'c')
    const { taken } = reader
    strictEqual(new Set(taken.map(message => message.id)).size, 3)
    const places = taken.map(message => message.position)
    if (places[0] === null) deepStrictEqual(places, [null, null, null])
    else for (let i = 1; i < 3; i++) ok((places[i] as number) > (places[i - 1] as number), `places ${places}`)
  },

  'has nothing at the moment where nothing is there': async scene => {
    const reader = await scene.open('g')
    strictEqual(reader.source.next(), null)
    await scene.has(reader)
  },

  'gives again after a restart what was not done, as the same messages, and not what was': async scene => {
    await scene.publish('a', 'b', 'c', 'd')
    const reader = await scene.open('g')
    await scene.has(reader, 'a', 'b', 'c', 'd')
    reader.done('a', 'b')
    await reader.source.close()
    const again = await scene.open('g')
    await scene.has(again, 'c', 'd')
    deepStrictEqual(again.taken.map(said), reader.taken.slice(2).map(said))
  },

  'holds many that are given and not done, and knows of each what became of it': async scene => {
    const many = Array.from({ length: OUTSTANDING }, (_, i) => `m${i}`)
    await scene.publish(...many)
    const reader = await scene.open('g')
    await scene.has(reader, ...many)
    const left = ['m5', 'm40', 'm41', `m${OUTSTANDING - 1}`]
    reader.done(...many.filter(label => !left.includes(label)))
    await reader.source.close()
    const late = Array.from({ length: 10 }, (_, i) => `late${i}`)
    await scene.publish(...late)
    const again = await scene.open('g')
    await scene.until(again, () => again.labels.includes('late9'))
    // Those that are done and follow one that is not may come between.
    const wanted = [...left, ...late]
    strictEqual(again.labels[0], left[0])
    deepStrictEqual(
      again.labels.filter(label => wanted.includes(label)),
      wanted,
    )
    const first = new Map(reader.taken.map(message => [message.id, message]))
    for (const message of again.taken) deepStrictEqual(said(message), said(first.get(message.id) ?? message))
    again.done(...again.labels)
    await again.source.close()
    await scene.has(await scene.open('g'))
  },

  'takes `done` in any order: what follows one that is not done may come again, and nothing is left out':
    async scene => {
      await scene.publish('a', 'b', 'c')
      const reader = await scene.open('g')
      await scene.has(reader, 'a', 'b', 'c')
      reader.done('c')
      reader.done('b')
      await reader.source.close()
      const again = await scene.open('g')
      await scene.hasFirst(again, 'a')
      again.done('a', 'b', 'c')
      await again.source.close()
      await scene.publish('d')
      await scene.has(await scene.open('g'), 'd')
    },

  'begins anew with what is not done when it is opened again without a close': async scene => {
    await scene.publish('a', 'b')
    const reader = await scene.open('g')
    await scene.has(reader, 'a', 'b')
    reader.done('a')
    await reader.open()
    await scene.has(reader, 'a', 'b', 'b')
  },

  'reads again what it gave, where it offers to': async scene => {
    const labels = Array.from({ length: 12 }, (_, i) => `m${i}`)
    await scene.publish(...labels)
    const reader = await scene.open('g')
    await scene.has(reader, ...labels)
    const { source, taken } = reader
    if (source.again === undefined) return
    for (const places of [[0, 2], [3], [1, 4, 5, 6, 11], labels.map((_, i) => i)]) {
      const wanted = places.map(place => taken[place] as SourceMessage)
      const positions = wanted.map(({ position }) => position as number)
      deepStrictEqual((await source.again(taken[0]?.partition ?? 0, positions)).map(said), wanted.map(said))
    }
  },

  'knows up to where it has given, where it says so, and counts nothing that it has yet to give': async scene => {
    await scene.publish('a', 'b', 'c')
    const reader = await scene.open('g')
    await scene.has(reader, 'a', 'b', 'c')
    if (reader.givenTo === null) return
    ok(reader.givenTo >= (reader.taken[2]?.position as number))
    await scene.publish('d', 'e', 'f')
    await scene.has(reader, 'a', 'b', 'c', 'd', 'e', 'f')
    deepStrictEqual([...reader.claimedEarly].map(said), [])
    ok(reader.givenTo >= (reader.taken[5]?.position as number))
  },

  'keeps the groups apart': async scene => {
    await scene.publish('a', 'b')
    const one = await scene.open('one')
    await scene.has(one, 'a', 'b')
    one.done('a', 'b')
    await one.source.close()
    const two = await scene.open('two')
    await scene.has(two, 'a', 'b')
    const oneAgain = await scene.open('one')
    await scene.has(oneAgain)
  },

  'gives nothing after it was closed, and may be closed again': async scene => {
    await scene.publish('a')
    const reader = await scene.open('g')
    await scene.has(reader, 'a')
    await reader.source.close()
    await scene.publish('b')
    await reader.source.close()
    strictEqual(reader.source.next(), null)
  },
}

import { describe, expect, test } from 'vitest'
import { type Behavior, behavior } from '../../src/kernel/behavior.ts'
import { type Listing, serviceKey } from '../../src/kernel/registry.ts'
import { router } from '../../src/kernel/router.ts'
import type { ActorRef } from '../../src/kernel/types.ts'
import { hold, Stage, settle } from './support.ts'

const orders = serviceKey<string>('orders')

const leaf = behavior<string, null>({
  initial: () => null,
  receive: (state, message) => {
    if (message === 'crash') throw new Error('crash')
    return state
  },
})

const recorder = <Message>(seen: Message[]): Behavior<Message> =>
  behavior<Message, null>({
    initial: () => null,
    receive: (state, message) => {
      seen.push(message)
      return state
    },
  })

const namesIn = (listings: readonly Listing<string>[]): string[] =>
  listings.map(listing => listing.refs.map(ref => ref.name).join(' '))

/** Services that the registry keeps anything for. */
const kept = (stage: Stage): number =>
  (stage.system.registry as unknown as { services: Map<unknown, unknown> }).services.size

describe('the registry', () => {
  test('finds what is registered under a key, in order, each once, and nothing of other keys', async () => {
    await using stage = new Stage()
    const { registry } = stage.system
    const [a, b] = [stage.spawn(leaf, 'a'), stage.spawn(leaf, 'b')]
    expect(registry.find(orders)).toEqual([])
    for (const ref of [b, a, b]) registry.register(orders, ref)
    expect(registry.find(orders)).toEqual([b, a])
    expect(registry.find(serviceKey<string>('orders'))).toEqual([])
  })

  test('forgets an actor that has ended, in the same turn, however it ended', async () => {
    await using stage = new Stage()
    const { registry } = stage.system
    const ends: ((actor: ActorRef<string>) => void)[] = [
      actor => void actor.stop(),
      actor => void actor.drain(),
      actor => actor.kill(),
      actor => actor.tell('crash'),
    ]
    const actors = ends.map(() => stage.spawn(leaf))
    for (const actor of actors) registry.register(orders, actor)
    for (const [index, end] of ends.entries()) {
      const actor = actors[index] as ActorRef<string>
      end(actor)
      await settle()
      expect(registry.find(orders)).toEqual(actors.slice(index + 1))
    }
    const last = stage.spawn(leaf)
    registry.register(orders, last)
    last.kill()
    expect(registry.find(orders)).toEqual([])
  })

  test('keeps an actor over its restarts', async () => {
    await using stage = new Stage()
    const { registry } = stage.system
    const { child, exits, holder } = await hold(stage, leaf as Behavior<never>)
    registry.register(orders, child as ActorRef<string>)
    child.tell('crash')
    await settle()
    expect(exits).toHaveLength(1)
    expect(registry.find(orders)).toEqual([child])
    await holder.stop()
    expect(registry.find(orders)).toEqual([])
  })

  test('takes no actor that has ended, and lists none that was taken out', async () => {
    await using stage = new Stage()
    const { registry } = stage.system
    const [gone, out] = [stage.spawn(leaf), stage.spawn(leaf)]
    await gone.stop()
    registry.register(orders, gone)
    registry.register(orders, out)
    registry.deregister(orders, out)
    registry.deregister(orders, out)
    expect(registry.find(orders)).toEqual([])
  })

  test('gives arrays that never change', async () => {
    await using stage = new Stage()
    const { registry } = stage.system
    const [a, b] = [stage.spawn(leaf), stage.spawn(leaf)]
    registry.register(orders, a)
    const before = registry.find(orders)
    expect(registry.find(orders)).toBe(before)
    registry.register(orders, b)
    expect(before).toEqual([a])
  })

  test('tells a subscriber the listing at once and after every change, in order', async () => {
    await using stage = new Stage()
    const { registry } = stage.system
    const listings: Listing<string>[] = []
    const subscriber = stage.spawn(recorder(listings))
    const [a, b] = [stage.spawn(leaf, 'a'), stage.spawn(leaf, 'b')]
    registry.subscribe(orders, subscriber)
    registry.subscribe(orders, subscriber)
    registry.register(orders, a)
    registry.register(orders, a)
    registry.register(orders, b)
    await settle()
    a.kill()
    await settle()
    registry.deregister(orders, b)
    registry.unsubscribe(orders, subscriber)
    registry.register(orders, b)
    await settle()
    expect(namesIn(listings)).toEqual(['', 'a', 'a b', 'b', ''])
    expect(listings[0]).toEqual({ type: 'listing', key: orders, refs: [] })
  })

  test('tells a change once, also where `find` saw it first', async () => {
    await using stage = new Stage()
    const { registry } = stage.system
    const listings: Listing<string>[] = []
    const a = stage.spawn(leaf, 'a')
    registry.register(orders, a)
    registry.subscribe(orders, stage.spawn(recorder(listings)))
    await settle()
    a.kill()
    registry.find(orders)
    registry.find(orders)
    await settle()
    expect(namesIn(listings)).toEqual(['a', ''])
  })

  test('tells one listing for each of several that end in one turn', async () => {
    await using stage = new Stage()
    const { registry } = stage.system
    const listings: Listing<string>[] = []
    const actors = ['a', 'b', 'c'].map(name => stage.spawn(leaf, name))
    for (const actor of actors) registry.register(orders, actor)
    registry.subscribe(orders, stage.spawn(recorder(listings)))
    for (const actor of actors) actor.kill()
    await settle()
    expect(namesIn(listings)).toEqual(['a b c', 'b c', 'c', ''])
  })

  test('forgets a subscriber that has ended, and makes no dead letters of it', async () => {
    await using stage = new Stage()
    const { registry } = stage.system
    const subscriber = stage.spawn(recorder<Listing<string>>([]))
    registry.subscribe(orders, subscriber)
    await settle()
    subscriber.kill()
    registry.register(orders, stage.spawn(leaf))
    await settle()
    registry.register(orders, stage.spawn(leaf))
    expect(stage.letters).toEqual([])
  })

  test('tells a new subscriber none that has ended by now, and an ended subscriber nothing', async () => {
    await using stage = new Stage()
    const { registry } = stage.system
    const listings: Listing<string>[] = []
    const subscriber = stage.spawn(recorder(listings))
    const [a, ended] = [stage.spawn(leaf), stage.spawn(recorder<Listing<string>>([]))]
    registry.register(orders, a)
    a.kill()
    ended.kill()
    registry.subscribe(orders, subscriber)
    registry.subscribe(orders, ended)
    await settle()
    expect(listings[0]?.refs).toEqual([])
    expect(stage.letters).toEqual([])
  })

  test('hears of an actor’s end under each of its keys, also when it has left one of them', async () => {
    await using stage = new Stage()
    const { registry } = stage.system
    const listings: Listing<string>[] = []
    const a = stage.spawn(leaf, 'a')
    const other = serviceKey<string>('other')
    registry.register(other, a)
    registry.register(orders, a)
    registry.subscribe(orders, stage.spawn(recorder(listings)))
    registry.deregister(other, a)
    await settle()
    a.kill()
    await settle()
    expect(namesIn(listings)).toEqual(['a', ''])
  })

  test('keeps an actor that is both found and told, until it is neither', async () => {
    await using stage = new Stage()
    const { registry } = stage.system
    const both = stage.spawn(behavior<string | Listing<string>, null>({ initial: () => null, receive: state => state }))
    registry.register(orders, both)
    registry.subscribe(orders, both)
    registry.unsubscribe(orders, both)
    both.kill()
    await settle()
    expect(registry.find(orders)).toEqual([])
  })

  test('keeps nothing for a key without actors and subscribers', async () => {
    await using stage = new Stage()
    const { registry } = stage.system
    for (let i = 0; i < 100; i++) {
      const key = serviceKey<string>(`${i}`)
      const actor = stage.spawn(leaf)
      const subscriber = stage.spawn(recorder<Listing<string>>([]))
      registry.find(key)
      registry.deregister(serviceKey<string>('unknown'), actor)
      registry.unsubscribe(serviceKey<string>('unknown'), subscriber)
      registry.register(key, actor)
      registry.subscribe(key, subscriber)
      actor.kill()
      subscriber.kill()
    }
    await settle()
    expect(kept(stage)).toBe(0)
  })

  test('takes a router as any ref, and forgets it when it has stopped', async () => {
    await using stage = new Stage()
    const { registry } = stage.system
    const front = router<string>(stage.system, { routing: 'round-robin' })
    registry.register(orders, front)
    expect(registry.find(orders)).toEqual([front])
    await front.stop()
    expect(registry.find(orders)).toEqual([])
  })
})

test('the end of very many at once costs the same for each: in a look-up, in a router, in a watch', async () => {
  await using stage = new Stage()
  const many = 20_000
  let kids: ActorRef<string>[] = []
  let watchAll = (): void => undefined
  const ends: unknown[] = []
  const parent = stage.spawn(
    behavior<never, null>({
      initial: context => {
        kids = Array.from({ length: many }, () => context.spawn(leaf))
        return null
      },
      receive: state => state,
    }),
  )
  stage.spawn(
    behavior<never, null>({
      initial: context => {
        watchAll = () => {
          for (const kid of kids) context.watch(kid)
          for (const kid of kids) context.watch(kid)
          for (const kid of kids.slice(1)) context.unwatch(kid)
        }
        return null
      },
      receive: state => state,
      onSignal: (state, signal) => {
        ends.push(signal.ref)
        return state
      },
    }),
  )
  await settle()
  const several = router(stage.system, { routing: 'round-robin', members: kids })
  for (const kid of kids) stage.system.registry.register(orders, kid)
  await settle()
  const before = performance.now()
  parent.kill()
  watchAll()
  expect(stage.system.registry.find(orders)).toEqual([])
  expect(several.members).toEqual([])
  await settle()
  // Seconds for each of the three where the end of one is looked for among all.
  expect(performance.now() - before).toBeLessThan(1_000)
  expect(ends).toEqual([kids[0]])
})

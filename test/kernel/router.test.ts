import { describe, expect, test } from 'vitest'
import { type Behavior, behavior } from '../../src/kernel/behavior.ts'
import { type Router, type Routing, router } from '../../src/kernel/router.ts'
import type { ActorRef, ReplyTo, Signal } from '../../src/kernel/types.ts'
import { gate, hold, rejection, Stage, settle, VirtualStage } from './support.ts'

type Call = { readonly replyTo: ReplyTo<string> }
type Message = string | Call

/** Records what it is told, as `name message`, and answers with its name. */
const member = (seen: string[]): Behavior<Message> =>
  behavior<Message, null>({
    initial: () => null,
    receive: (state, message, context) => {
      if (message === 'crash') throw new Error('crash')
      if (typeof message === 'string') seen.push(`${context.name} ${message}`)
      else message.replyTo.tell(context.name)
      return state
    },
  })

const busy = (opened: Promise<void>): Behavior<Message> =>
  behavior<Message, null>({ initial: () => null, receive: state => opened.then(() => state) })

const crashesOnAsk = behavior<Message, null>({
  initial: () => null,
  receive: () => {
    throw new Error('crash')
  },
})

const ask = (ref: ActorRef<Message>): Promise<string> => ref.ask<string>(replyTo => ({ replyTo }))

const three = (stage: Stage, seen: string[]): ActorRef<Message>[] =>
  ['a', 'b', 'c'].map(name => stage.spawn(member(seen), name))

const ALL: Routing<Message>[] = [
  'round-robin',
  'smallest-mailbox',
  'broadcast',
  'scatter-gather-first',
  { type: 'consistent-hash', keyOf: message => (typeof message === 'string' ? message : 'ask') },
]
const nameOf = (routing: Routing<Message>): string => (typeof routing === 'string' ? routing : routing.type)

describe.each(ALL.map(routing => [nameOf(routing), routing] as const))('a router of any kind: %s', (_name, routing) => {
  test('keeps the order of each sender for each member', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const front = router(stage.system, { routing, members: three(stage, seen) })
    for (let i = 0; i < 60; i++) front.tell(`${i}`)
    await settle()
    for (const name of ['a', 'b', 'c']) {
      const own = seen.filter(line => line.startsWith(name)).map(line => Number(line.slice(2)))
      expect(own).toEqual([...own].sort((x, y) => x - y))
    }
    expect(new Set(seen.map(line => line.slice(2))).size).toBe(60)
  })

  test('hands on in the same call: nothing lies in a mailbox of its own', async () => {
    await using stage = new Stage()
    const front = router(stage.system, { routing, members: [stage.spawn(member([]), 'a')] })
    front.tell('x')
    expect((front.members[0] as unknown as { waiting: number }).waiting).toBe(1)
  })

  test('without a member makes dead letters `no-route`, and fails offers and asks with NO_ROUTE', async () => {
    await using stage = new Stage()
    const front: Router<Message> = router(stage.system, { routing, name: 'front' })
    front.tell('x')
    expect(stage.letters).toMatchObject([{ message: 'x', recipient: '/test/front', reason: 'no-route' }])
    for (const promise of [front.offer('x'), ask(front)]) expect((await rejection(promise)).code).toBe('NO_ROUTE')
  })

  test('takes members while it runs, each once, and lists them in order', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const [a, b, c] = three(stage, seen) as [ActorRef<Message>, ActorRef<Message>, ActorRef<Message>]
    const front = router(stage.system, { routing, members: [a, b] })
    front.add(b)
    front.add(c)
    expect(front.members).toEqual([a, b, c])
    front.remove(a)
    front.remove(a)
    front.remove(b)
    expect(front.members).toEqual([c])
    front.tell('x')
    expect(await ask(front)).toBe('c')
    await front.offer('y')
    await settle()
    expect(seen).toEqual(['c x', 'c y'])
  })

  test('drops a member that has ended, at once, and never picks it', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const members = three(stage, seen)
    const front = router(stage.system, { routing, members })
    await settle()
    members[0]?.kill()
    members[1]?.kill()
    for (let i = 0; i < 30; i++) front.tell(`${i}`)
    expect(front.members).toEqual([members[2]])
    await settle()
    expect(seen).toHaveLength(30)
    expect(stage.letters).toEqual([])
    members[2]?.kill()
    front.tell('x')
    expect(stage.reasons()).toEqual(['no-route'])
  })

  test('picks none that is about to stop', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const members = three(stage, seen)
    const front = router(stage.system, { routing, members })
    const ends = [members[0]?.stop(), members[1]?.drain()]
    for (let i = 0; i < 10; i++) front.tell(`${i}`)
    expect(await ask(front)).toBe('c')
    await Promise.all(ends)
    await settle()
    expect(seen.filter(line => line.startsWith('c'))).toHaveLength(10)
    expect(stage.letters).toEqual([])
  })

  test('keeps a member over its restarts', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const { child, exits } = await hold(stage, member(seen) as Behavior<never>, () => true, 'held')
    const front = router<Message>(stage.system, { routing, members: [child as ActorRef<Message>] })
    front.tell('crash')
    front.tell('after')
    await settle()
    expect(exits).toHaveLength(1)
    expect(seen).toEqual(['held after'])
    expect(front.members).toEqual([child])
  })

  test('is watched, stopped, drained and killed as any actor, and leaves its members alone', async () => {
    await using stage = new Stage()
    const ends: [(front: Router<Message>) => void, string][] = [
      [front => void front.stop(), 'shutdown'],
      [front => void front.drain(), 'normal'],
      [front => front.kill(), 'killed'],
    ]
    const a = stage.spawn(member([]), 'a')
    for (const [end, type] of ends) {
      const signals: Signal[] = []
      const front = router(stage.system, { routing, name: 'front', members: [a] })
      expect([front.name, front.path]).toEqual(['front', '/test/front'])
      stage.spawn(
        behavior<never, null>({
          initial: context => {
            context.watch(front)
            return null
          },
          receive: state => state,
          onSignal: (state, signal) => {
            signals.push(signal)
            return state
          },
        }),
      )
      await settle()
      end(front)
      front.tell('late')
      front.add(a)
      expect(front.members).toEqual([])
      for (const promise of [front.offer('x'), ask(front)])
        expect((await rejection(promise)).code).toBe('ACTOR_STOPPED')
      await front.stop()
      await settle()
      expect(signals).toMatchObject([{ type: 'terminated', ref: front, reason: { type } }])
      expect(stage.letters.splice(0)).toMatchObject([{ message: 'late', recipient: '/test/front', reason: 'stopped' }])
    }
    expect(await ask(a)).toBe('a')
  })

  test('passes over a member that is a router without members, or with closed ones only', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const [a, b] = three(stage, seen) as [ActorRef<Message>, ActorRef<Message>]
    const hollow = router<Message>(stage.system, { routing: 'broadcast', members: [router(stage.system, { routing })] })
    const front = router(stage.system, { routing, members: [hollow, a], name: 'front' })
    for (let i = 0; i < 10; i++) front.tell('x')
    await front.offer('x')
    expect(await ask(front)).toBe('a')
    hollow.add(b)
    front.remove(a)
    front.tell('y')
    await settle()
    expect(seen).toEqual([...Array(11).fill('a x'), 'b y'])
    expect(stage.letters).toEqual([])
    b.kill()
    front.tell('z')
    expect(stage.letters).toMatchObject([{ message: 'z', recipient: '/test/front', reason: 'no-route' }])
  })

  test('refuses a router that it is a member of, also through others, so that `tell` comes to an end', async () => {
    await using stage = new Stage()
    const inner = router<Message>(stage.system, { routing })
    const middle = router(stage.system, { routing, members: [inner] })
    const outer = router(stage.system, { routing, members: [inner, middle] })
    for (const holder of [middle, outer]) expect(() => inner.add(holder)).toThrow(RangeError)
    expect(() => outer.tell('x')).not.toThrow()
    expect(stage.reasons()).toEqual(['no-route'])
    outer.remove(inner)
    outer.remove(middle)
    inner.add(outer)
    expect(inner.members).toEqual([outer])
  })

  test('has the path that the system’s tree shows, whoever named it', async () => {
    await using stage = new Stage()
    const unnamed = router<Message>(stage.system, { routing })
    const named = router<Message>(stage.system, { routing, name: '50%' })
    expect(stage.system.inspect().map(actor => actor.path)).toEqual([unnamed.path, named.path])
    expect(unnamed.path).toBe(`/test/${unnamed.name}`)
    expect(named.path).toBe('/test/50%25')
  })

  test('refuses itself as a member, and a name that is taken', async () => {
    await using stage = new Stage()
    const front = router<Message>(stage.system, { routing, name: 'front' })
    expect(() => front.add(front)).toThrow(RangeError)
    expect(() => router<Message>(stage.system, { routing, name: 'front' })).toThrow(
      expect.objectContaining({ code: 'ACTOR_NAME_TAKEN' }),
    )
  })
})

describe('a router', () => {
  test('of an actor has its place in the tree, and ends with that incarnation', async () => {
    await using stage = new Stage()
    const fronts: Router<string>[] = []
    const owner = behavior<string, null>({
      initial: context => {
        fronts.push(router<string>(context, { routing: 'round-robin', name: 'front' }))
        return null
      },
      receive: () => {
        throw new Error('crash')
      },
    })
    const { child, holder } = await hold(stage, owner as Behavior<never>, () => true, 'owner')
    expect(fronts[0]?.path).toBe(`${holder.path}/owner/front`)
    child.tell('crash')
    await settle()
    expect(fronts).toHaveLength(2)
    for (const front of fronts) front.tell('x')
    expect(stage.reasons()).toEqual(['stopped', 'no-route'])
    await holder.stop()
    await settle()
    fronts[1]?.tell('x')
    expect(stage.reasons()).toEqual(['stopped', 'no-route', 'stopped'])
  })

  test('may be a member of another', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const inner = router(stage.system, { routing: 'round-robin', members: three(stage, seen) })
    const outer = router(stage.system, { routing: 'broadcast', members: [inner] })
    for (let i = 0; i < 3; i++) outer.tell('x')
    expect(await ask(outer)).toBe('a')
    expect(seen.sort()).toEqual(['a x', 'b x', 'c x'])
    await inner.stop()
    expect(outer.members).toEqual([])
  })

  test('lets `context.ask` find a cycle through it', async () => {
    await using stage = new Stage()
    const asker = stage.spawn(
      behavior<Call, null>({
        initial: () => null,
        receive: async (state, message, context) => {
          try {
            message.replyTo.tell(await context.ask<Call, string>(front, replyTo => ({ replyTo })))
          } catch (error) {
            message.replyTo.tell((error as { code: string }).code)
          }
          return state
        },
      }),
    )
    const front: Router<Call> = router<Call>(stage.system, { routing: 'round-robin', members: [asker] })
    expect(await asker.ask<string>(replyTo => ({ replyTo }))).toBe('ASK_CYCLE')
  })

  test('fails who is linked to it when it is killed, and not when it is stopped', async () => {
    await using stage = new Stage()
    const linked = (front: Router<Message>) =>
      stage.spawn(
        behavior<string, null>({
          initial: context => {
            context.link(front)
            return null
          },
          receive: state => state,
        }),
      )
    const fronts = [1, 2].map(() => router<Message>(stage.system, { routing: 'broadcast' }))
    const actors = fronts.map(linked)
    await settle()
    await fronts[0]?.stop()
    fronts[1]?.kill()
    await settle()
    for (const actor of actors) actor.tell('x')
    expect(stage.letters).toMatchObject([{ recipient: actors[1]?.path, reason: 'stopped' }])
  })

  test('keeps no member’s memory of it after its end', async () => {
    await using stage = new Stage()
    const a = stage.spawn(member([]))
    for (let i = 0; i < 10; i++) await router(stage.system, { routing: 'broadcast', members: [a] }).stop()
    expect((a as unknown as { rare: { watchers: Set<unknown> } }).rare.watchers.size).toBe(0)
  })
})

describe('round robin', () => {
  test('takes one member after the other, also when members come and go', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const members = three(stage, seen)
    const front = router(stage.system, { routing: 'round-robin', members })
    for (let i = 0; i < 4; i++) front.tell(`${i}`)
    front.remove(members[2] as ActorRef<Message>)
    for (let i = 4; i < 8; i++) front.tell(`${i}`)
    await settle()
    expect(seen.sort((x, y) => Number(x.slice(2)) - Number(y.slice(2)))).toEqual([
      'a 0',
      'b 1',
      'c 2',
      'a 3',
      'b 4',
      'a 5',
      'b 6',
      'a 7',
    ])
  })

  test('asks one member after the other', async () => {
    await using stage = new Stage()
    const front = router(stage.system, { routing: 'round-robin', members: three(stage, []) })
    expect(await Promise.all([ask(front), ask(front), ask(front), ask(front)])).toEqual(['a', 'b', 'c', 'a'])
  })
})

describe('smallest mailbox', () => {
  test('takes the member with the fewest messages, the one in its handler counted', async () => {
    await using stage = new Stage()
    const door = gate()
    const [a, b, c] = ['a', 'b', 'c'].map(name => stage.spawn(busy(door.opened), name)) as ActorRef<Message>[]
    const seen: string[] = []
    const idle = stage.spawn(member(seen), 'idle')
    await settle()
    a?.tell('1')
    for (let i = 0; i < 3; i++) b?.tell('1')
    await settle()
    const front = router<Message>(stage.system, { routing: 'smallest-mailbox', members: [a!, b!, c!] })
    const waiting = (): number[] => [a, b, c].map(ref => (ref as unknown as { waiting: number }).waiting)
    front.tell('to c, which is idle')
    expect(waiting()).toEqual([0, 2, 1])
    front.tell('to a, which has one in its handler')
    expect(waiting()).toEqual([1, 2, 1])
    front.add(idle)
    front.tell('to idle')
    await settle()
    expect(seen).toEqual(['idle to idle'])
    door.open()
  })

  test('takes equals one after the other', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const front = router(stage.system, { routing: 'smallest-mailbox', members: three(stage, seen) })
    await settle()
    for (let i = 0; i < 4; i++) {
      front.tell(`${i}`)
      await settle()
    }
    expect(seen).toEqual(['a 0', 'b 1', 'c 2', 'a 3'])
  })
})

describe('broadcast', () => {
  test('tells all; an offer resolves when all have accepted, and fails when one refuses', async () => {
    await using stage = new Stage()
    const door = gate()
    const mailbox = { capacity: 1, overflow: 'backpressure' } as const
    const narrow = stage.spawn(
      behavior<Message, null>({ initial: () => null, receive: state => door.opened.then(() => state), mailbox }),
    )
    const seen: string[] = []
    const members = [...three(stage, seen), narrow]
    const front = router(stage.system, { routing: 'broadcast', members })
    front.tell('1')
    await settle()
    await front.offer('2')
    let accepted = false
    const third = front.offer('3').then(() => {
      accepted = true
    })
    await settle()
    expect([accepted, seen.length]).toEqual([false, 9])
    door.open()
    await third
    narrow.kill()
    const rejects = { capacity: 1, overflow: 'reject' } as const
    const full = behavior<Message, null>({
      initial: () => null,
      receive: () => new Promise(() => undefined),
      mailbox: rejects,
    })
    front.add(stage.spawn(full))
    front.tell('4')
    await settle()
    await front.offer('5')
    expect((await rejection(front.offer('6'))).code).toBe('MAILBOX_FULL')
    await settle()
    expect(seen).toHaveLength(18)
  })

  test('answers an ask when all have answered, with the answer of the first member', async () => {
    await using stage = new Stage()
    const door = gate()
    const slow = stage.spawn(
      behavior<Message, null>({
        initial: () => null,
        receive: async (state, message) => {
          await door.opened
          if (typeof message !== 'string') message.replyTo.tell('slow')
          return state
        },
      }),
    )
    const front = router(stage.system, { routing: 'broadcast', members: [...three(stage, []), slow] })
    let answer: string | null = null
    const asked = ask(front).then(reply => {
      answer = reply
    })
    await settle()
    expect(answer).toBe(null)
    door.open()
    await asked
    expect(answer).toBe('a')
  })

  test('fails an ask when one member fails', async () => {
    await using stage = new Stage()
    const front = router(stage.system, {
      routing: 'broadcast',
      members: [...three(stage, []), stage.spawn(crashesOnAsk)],
    })
    expect((await rejection(ask(front))).code).toBe('ACTOR_CRASHED')
  })
})

describe('scatter-gather-first', () => {
  test('answers with what comes first, though others fail or never answer; later answers are no dead letters', async () => {
    await using stage = new Stage()
    const door = gate()
    const members = [
      stage.spawn(crashesOnAsk),
      stage.spawn(behavior<Message, null>({ initial: () => null, receive: state => state }), 'silent'),
      stage.spawn(
        behavior<Message, null>({
          initial: () => null,
          receive: async (state, message) => {
            await door.opened
            if (typeof message !== 'string') message.replyTo.tell('late')
            return state
          },
        }),
      ),
      stage.spawn(member([]), 'quick'),
    ]
    const front = router(stage.system, { routing: 'scatter-gather-first', members })
    expect(await ask(front)).toBe('quick')
    door.open()
    await settle()
    expect(stage.letters).toEqual([])
  })

  test('fails at once when all have failed, with NO_ANSWER and every cause, and needs no timeout for it', async () => {
    await using stage = new VirtualStage()
    const stopping = stage.spawn(busy(new Promise(() => undefined)))
    const members = [stage.spawn(crashesOnAsk), stopping, stage.spawn(crashesOnAsk)]
    const front = router(stage.system, { routing: 'scatter-gather-first', name: 'front', members })
    const failed = rejection(ask(front))
    await settle()
    stopping.kill()
    const error = await failed
    expect([error.code, error.message]).toEqual(['NO_ANSWER', '/test/front: none of its 3 members answered'])
    expect((error.cause as AggregateError).errors).toHaveLength(3)
    expect(stage.clock.pending).toBe(0)
  })

  test('gives each member the time of the ask', async () => {
    await using stage = new VirtualStage()
    const silent = behavior<Message, null>({ initial: () => null, receive: state => state })
    const front = router<Message>(stage.system, {
      routing: 'scatter-gather-first',
      members: [stage.spawn(silent), stage.spawn(silent)],
    })
    const failed = rejection(front.ask<string>(replyTo => ({ replyTo }), { timeoutMs: 50 }))
    await settle()
    stage.clock.advance(50)
    expect((await failed).code).toBe('NO_ANSWER')
  })
})

describe('consistent hash', () => {
  const thrower: Routing<Message> = {
    type: 'consistent-hash',
    keyOf: () => {
      throw new Error('no key')
    },
  }

  test('whose `keyOf` throws makes a dead letter and a line in the log, and fails offers and asks', async () => {
    await using stage = new Stage()
    const front = router(stage.system, { routing: thrower, members: three(stage, []), name: 'front' })
    front.tell('secret')
    expect(stage.reasons()).toEqual(['no-route'])
    expect(stage.logger.lines[0]).toMatchObject({ level: 'error', text: '/test/front: no key for a message' })
    expect(JSON.stringify(stage.logger.lines)).not.toContain('secret')
    for (const promise of [front.offer('x'), ask(front)]) expect((await rejection(promise)).message).toBe('no key')
  })

  test('asks the member of the message’s key, and delivers an answer that its maker gives itself', async () => {
    await using stage = new Stage()
    const keyed: Routing<Message> = { type: 'consistent-hash', keyOf: () => 'one key' }
    const front = router(stage.system, { routing: keyed, members: three(stage, []) })
    const answers = await Promise.all(Array.from({ length: 5 }, () => ask(front)))
    expect(new Set(answers).size).toBe(1)
    const own = front.ask<string>(replyTo => {
      replyTo.tell('early')
      return { replyTo }
    })
    expect(await own).toBe('early')
    await settle()
    expect(stage.reasons()).toEqual(['late-reply'])
  })
})

import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { type Behavior, behavior, stopped } from '../../src/kernel/behavior.ts'
import type { ActorRef } from '../../src/kernel/types.ts'
import { hold, Stage, settle } from './support.ts'

const collector = (seen: unknown[]): Behavior<unknown> =>
  behavior<unknown, null>({
    initial: () => null,
    receive: (state, message) => {
      seen.push(message)
      return state
    },
  })

describe('tell', () => {
  test('delivers any value as it is', async () => {
    await using stage = new Stage()
    const seen: unknown[] = []
    const actor = stage.spawn(collector(seen))
    const messages = [undefined, null, 0, '', false, Number.NaN, 1n, Symbol('s'), () => 1, {}, [], new Map()]
    for (const message of messages) actor.tell(message)
    await settle()
    expect(seen).toEqual(messages)
  })

  test('a ref is shown by its path, not by what is inside', async () => {
    await using stage = new Stage()
    const ref = stage.system.spawn(collector([]), { name: 'shown' })
    expect(`${ref}`).toBe('/test/shown')
    expect(inspect({ ref })).toBe('{ ref: ActorRef(/test/shown) }')
  })

  test('never throws, whatever the message and the state of the actor', async () => {
    await using stage = new Stage()
    const proxy = Proxy.revocable({}, {})
    const values = [undefined, null, 1, 'x', Symbol('s'), Object.create(null), Object.freeze({}), proxy.proxy]
    const actors: ActorRef<unknown>[] = []
    for (const overflow of ['reject', 'drop-newest', 'drop-oldest', 'backpressure'] as const)
      actors.push(
        stage.spawn(
          behavior<unknown, null>({
            initial: () => null,
            receive: () => new Promise<null>(() => undefined),
            mailbox: { capacity: 1, overflow },
          }),
        ),
      )
    const stoppedActor = stage.spawn(collector([]))
    await stoppedActor.stop()
    const killed = stage.spawn(collector([]))
    killed.kill()
    const ending = stage.spawn(
      behavior<unknown, null>({
        initial: () => null,
        receive: state => state,
        onStop: () => new Promise(() => undefined),
      }),
    )
    const draining = stage.spawn(collector([]))
    void draining.drain()
    actors.push(stoppedActor, killed, ending, draining, stage.spawn(collector([])))
    await settle()
    void ending.stop()
    await settle()
    for (const actor of actors) for (const value of values) expect(actor.tell(value)).toBe(undefined)
  })

  test('never throws, also when the logger and a dead-letter listener do', async () => {
    const broken = {
      log: () => {
        throw new Error('no disk')
      },
    }
    const errors: string[] = []
    const write = process.stderr.write
    process.stderr.write = ((text: string) => errors.push(text) > 0) as typeof write
    try {
      await using stage = new Stage({ logger: broken })
      stage.system.deadLetters.subscribe(() => {
        throw new Error('no ear')
      })
      const actor = stage.spawn(collector([]))
      await actor.stop()
      expect(() => actor.tell('x')).not.toThrow()
      expect(stage.reasons()).toEqual(['stopped'])
    } finally {
      process.stderr.write = write
    }
    expect(errors.join('')).toContain('the logger failed: no disk')
    expect(errors.join('')).toContain('a dead-letter listener threw: no ear')
  })

  test('to itself works while it handles, and is a dead letter while it ends', async () => {
    await using stage = new Stage()
    const seen: unknown[] = []
    const actor = stage.spawn(
      behavior<number, null>({
        initial: () => null,
        receive: (state, message, context) => {
          seen.push(message)
          if (message === 3) return stopped()
          context.self.tell(message + 1)
          return state
        },
        onStop: (_state, _reason, context) => context.self.tell(99),
      }),
    )
    actor.tell(0)
    await settle()
    expect(seen).toEqual([0, 1, 2, 3])
    expect(stage.letters).toMatchObject([{ message: 99, reason: 'stopped' }])
  })

  test('handles a burst of a million messages, in order', { timeout: 60_000 }, async () => {
    await using stage = new Stage()
    let next = 0
    let inOrder = true
    const actor = stage.spawn(
      behavior<number, null>({
        initial: () => null,
        receive: (state, message) => {
          inOrder &&= message === next++
          return state
        },
      }),
    )
    for (let n = 0; n < 1_000_000; n++) actor.tell(n)
    await actor.drain({ shutdownMs: 'infinity' })
    expect(next).toBe(1_000_000)
    expect(inOrder).toBe(true)
  })
})

describe('order', () => {
  test('is kept for each sender and receiver, over asks, tells and offers alike', async () => {
    await using stage = new Stage()
    const seen: unknown[] = []
    const actor = stage.spawn(collector(seen))
    const settled: Promise<unknown>[] = []
    for (let n = 0; n < 300; n += 3) {
      actor.tell(n)
      settled.push(actor.ask(() => n + 1).catch(() => undefined))
      settled.push(actor.offer(n + 2))
    }
    await actor.drain()
    await Promise.all(settled)
    expect(seen).toEqual(Array.from({ length: 300 }, (_, n) => n))
  })

  test('is kept over crashes and restarts: the failed message is not handled again, the later ones come in turn', async () => {
    await using stage = new Stage()
    const seen: number[] = []
    const { child, exits } = await hold(
      stage,
      behavior<number, null>({
        initial: async () => {
          await settle()
          return null
        },
        receive: (state, message) => {
          seen.push(message)
          if (message % 10 === 0) throw new Error('crash')
          return state
        },
      }) as Behavior<never>,
    )
    for (let n = 0; n < 25; n++) child.tell(n)
    await settle()
    for (let n = 25; n < 50; n++) child.tell(n)
    while (seen.length < 50) await settle()
    expect(seen).toEqual(Array.from({ length: 50 }, (_, n) => n))
    expect(exits).toHaveLength(5)
  })

  test('between several senders keeps each one’s own', async () => {
    await using stage = new Stage()
    const seen: [string, number][] = []
    const receiver = stage.spawn(
      behavior<[string, number], null>({
        initial: () => null,
        receive: async (state, message) => {
          seen.push(message)
          await null
          return state
        },
      }),
    )
    const sender = (name: string): Behavior<number> =>
      behavior<number, null>({
        initial: () => null,
        receive: (state, n, context) => {
          receiver.tell([name, n])
          if (n < 200) context.self.tell(n + 1)
          return state
        },
      })
    for (const name of ['a', 'b', 'c']) stage.spawn(sender(name)).tell(0)
    while (seen.length < 603) await settle()
    for (const name of ['a', 'b', 'c'])
      expect(seen.filter(([from]) => from === name).map(([, n]) => n)).toEqual(Array.from({ length: 201 }, (_, n) => n))
  })
})

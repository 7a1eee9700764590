import { describe, expect, test } from 'vitest'
import { type Behavior, become, behavior, stopped } from '../../src/kernel/behavior.ts'
import { type ExitReason, ignore, type ReplyTo } from '../../src/kernel/types.ts'
import { gate, hold, rejection, Stage, settle } from './support.ts'

type Read = { readonly type: 'read'; readonly replyTo: ReplyTo<unknown> }

const read = (replyTo: ReplyTo<unknown>): Read => ({ type: 'read', replyTo })

describe('receive', () => {
  test('gives the next state, whatever kind of value that is', async () => {
    await using stage = new Stage()
    for (const next of [1, 'text', null, { a: 1 }, [1], () => 1, Symbol('s'), 1n]) {
      const actor = stage.spawn(
        behavior<Read | 'set', unknown>({
          initial: () => 'first',
          receive: (state, message) => {
            if (message === 'set') return next
            message.replyTo.tell(state)
            return state
          },
        }),
      )
      expect(await actor.ask(read)).toBe('first')
      actor.tell('set')
      expect(await actor.ask(read)).toBe(next)
    }
  })

  test('gives `undefined` as a state where an actor of the behavior began with it', async () => {
    await using stage = new Stage()
    const actor = stage.spawn(
      behavior<Read | 'set' | 'clear', number | undefined>({
        initial: () => undefined,
        receive: (state, message) => {
          if (message === 'set') return 1
          if (message === 'clear') return undefined
          message.replyTo.tell(state)
          return state
        },
      }),
    )
    actor.tell('set')
    expect(await actor.ask(read)).toBe(1)
    actor.tell('clear')
    expect(await actor.ask(read)).toBeUndefined()
  })

  test('gives `undefined` as a state to no actor that began with another one, whatever others began with', async () => {
    await using stage = new Stage()
    const session = behavior<'out' | 'in', string | undefined>({
      initial: ({ name }) => (name === 'guest' ? undefined : name),
      receive: (_, message) => (message === 'in' ? 'again' : undefined),
    })
    const guest = stage.spawn(session, 'guest')
    const ada = stage.spawn(session, 'ada')
    await settle()
    for (const message of ['in', 'out', 'in', 'out'] as const) guest.tell(message)
    ada.tell('in')
    ada.tell('out')
    await settle()
    expect(stage.system.inspect().map(({ name }) => name)).toEqual(['guest'])
  })

  test('gives `undefined` to an incarnation, and to what it becomes, only where that began with it', async () => {
    await using stage = new Stage()
    const { child, exits } = await hold(
      stage,
      behavior<'become' | 'in' | 'out', string | undefined>({
        initial: () => undefined,
        receive: (_, message) => {
          if (message === 'become')
            return become(behavior<unknown, number>({ initial: () => 1, receive: () => undefined as never }))
          return message === 'in' ? 'in' : undefined
        },
      }) as Behavior<never>,
    )
    for (const message of ['in', 'out', 'in', 'become', 'out']) child.tell(message)
    await settle()
    expect(exits).toMatchObject([{ reason: { type: 'error', error: { code: 'BEHAVIOR_INVALID' } } }])
    for (const message of ['in', 'out']) child.tell(message)
    await settle()
    expect(exits).toHaveLength(1)
  })

  test('may be async: the state is what the promise gives', async () => {
    await using stage = new Stage()
    const counter = stage.spawn(
      behavior<Read | 'add', number>({
        initial: () => 0,
        receive: async (count, message) => {
          await settle()
          if (message === 'add') return count + 1
          message.replyTo.tell(count)
          return count
        },
      }),
    )
    for (let i = 0; i < 5; i++) counter.tell('add')
    expect(await counter.ask(read)).toBe(5)
  })

  test('knows its actor by the context', async () => {
    await using stage = new Stage()
    const seen: unknown[] = []
    const actor = stage.spawn(
      behavior<string, null>({
        initial: () => null,
        receive: (state, _message, context) => {
          seen.push(context.self, context.name, context.path, context.clock, context.random)
          return state
        },
      }),
      'me',
    )
    actor.tell('look')
    await settle()
    expect(seen).toEqual([actor, 'me', '/test/me', stage.system.clock, stage.system.random])
  })
})

const answering = (answer: unknown): Behavior<Read | 'switch'> =>
  behavior<Read | 'switch', unknown>({
    initial: () => answer,
    receive: (state, message) => {
      if (message !== 'switch') message.replyTo.tell(state)
      return state
    },
  })

const switching = (next: () => Behavior<Read | 'switch'>): Behavior<Read | 'switch'> =>
  behavior<Read | 'switch', unknown>({
    initial: () => 'before',
    receive: (state, message) => {
      if (message === 'switch') return become(next())
      message.replyTo.tell(state)
      return state
    },
  })

describe('become', () => {
  test('takes effect from the next message on, with the state of the new behavior', async () => {
    await using stage = new Stage()
    const actor = stage.spawn(switching(() => answering('after')))
    const answers = [actor.ask(read)]
    actor.tell('switch')
    answers.push(actor.ask(read))
    expect(await Promise.all(answers)).toEqual(['before', 'after'])
  })

  test('waits for an async initial before it handles the next message', async () => {
    await using stage = new Stage()
    const door = gate()
    const slow = behavior<Read | 'switch', unknown>({
      initial: async () => {
        await door.opened
        return 'slow'
      },
      receive: (state, message) => {
        if (message !== 'switch') message.replyTo.tell(state)
        return state
      },
    })
    const actor = stage.spawn(switching(() => slow))
    actor.tell('switch')
    let answer: unknown
    const asked = actor.ask(read).then(reply => {
      answer = reply
    })
    await settle()
    expect(answer).toBe(undefined)
    door.open()
    await asked
    expect(answer).toBe('slow')
  })

  test('crashes the actor when the initial of the new behavior throws or rejects', async () => {
    await using stage = new Stage()
    for (const initial of [
      () => {
        throw new Error('cannot become')
      },
      async () => {
        await settle()
        throw new Error('cannot become')
      },
    ]) {
      const reasons: ExitReason[] = []
      const actor = stage.spawn(
        behavior<'switch', string>({
          initial: () => 'old',
          receive: () => become(behavior<'switch', never>({ initial, receive: state => state })),
          onStop: (state, reason) => {
            expect(state).toBe('old')
            reasons.push(reason)
          },
        }),
      )
      actor.tell('switch')
      await settle()
      await actor.stop()
      expect(reasons).toMatchObject([{ type: 'error', error: { message: 'cannot become' } }])
    }
  })

  test('gives the stop hook of a behavior the state of that behavior only', async () => {
    await using stage = new Stage()
    const stops: unknown[] = []
    const next = behavior<'switch', string>({
      initial: async () => {
        await settle()
        await settle()
        return 'new'
      },
      receive: state => state,
      onStop: state => {
        stops.push(['next', state])
      },
    })
    const actor = stage.spawn(
      behavior<'switch', string>({
        initial: () => 'old',
        receive: () => become(next),
        onStop: state => {
          stops.push(['first', state])
        },
        handlerTimeoutMs: 1,
      }),
    )
    actor.tell('switch')
    await new Promise(resolve => setTimeout(resolve, 30))
    await actor.stop()
    const patient = stage.spawn(behavior<'switch', string>({ initial: () => 'old', receive: () => become(next) }))
    patient.tell('switch')
    await settle()
    await patient.stop()
    expect(stops.slice(-1)).toEqual([['next', 'new']])
    expect(stops).not.toContainEqual(['next', 'old'])
  })

  test('ends the actor in an orderly way when the new behavior answers `ignore`', async () => {
    await using stage = new Stage()
    for (const initial of [(): typeof ignore => ignore, async (): Promise<typeof ignore> => ignore]) {
      const reasons: ExitReason[] = []
      const actor = stage.spawn(
        behavior<'switch', null>({
          initial: () => null,
          receive: () => become(behavior<'switch', null>({ initial, receive: state => state })),
          onStop: (_state, reason) => {
            reasons.push(reason)
          },
        }),
      )
      actor.tell('switch')
      await settle()
      expect(reasons).toEqual([{ type: 'normal' }])
      await actor.stop()
    }
  })

  test('is undone by a restart: the next incarnation has the behavior it was spawned with', async () => {
    await using stage = new Stage()
    const failing = behavior<Read | 'switch', unknown>({
      initial: () => 'failing',
      receive: (state, message) => {
        if (message === 'switch') throw new Error('crash')
        message.replyTo.tell(state)
        return state
      },
    })
    const { child } = await hold(stage, switching(() => failing) as Behavior<never>)
    child.tell('switch')
    expect(await child.ask(read)).toBe('failing')
    child.tell('switch')
    expect(await child.ask(read)).toBe('before')
  })
})

describe('stopped', () => {
  test('ends the actor after this message with that reason, and runs the stop hook', async () => {
    await using stage = new Stage()
    const cause = new Error('why')
    for (const [outcome, expected] of [
      [() => stopped(), { type: 'normal' }],
      [() => stopped({ type: 'shutdown', cause }), { type: 'shutdown', cause }],
      [async () => stopped(), { type: 'normal' }],
    ] as const) {
      const seen: unknown[] = []
      const actor = stage.spawn(
        behavior<number, string>({
          initial: () => 'state',
          receive: (state, message) => {
            seen.push(message)
            return message === 2 ? outcome() : state
          },
          onStop: (state, reason) => {
            seen.push([state, reason])
          },
        }),
      )
      for (const n of [1, 2, 3]) actor.tell(n)
      await settle()
      expect(seen).toEqual([1, 2, ['state', expected]])
      expect(stage.letters.splice(0)).toMatchObject([{ message: 3, reason: 'stopped' }])
    }
  })

  test.each([undefined, null, 'text', { status: 503 }])('makes an Error of %o, which was thrown', async thrown => {
    await using stage = new Stage()
    const actor = stage.spawn(
      behavior<{ replyTo: ReplyTo<never> }, null>({
        initial: () => null,
        receive: () => stopped({ type: 'error', error: thrown as unknown as Error }),
      }),
    )
    expect(await rejection(actor.ask(replyTo => ({ replyTo })))).toMatchObject({
      code: 'ACTOR_CRASHED',
      cause: { message: expect.stringContaining('thrown value that is no Error: '), cause: thrown },
    })
    await settle()
    expect(stage.system.inspect()).toEqual([])
    const shutdown = stopped({ type: 'shutdown', cause: 'text' as unknown as Error })
    expect(shutdown.reason).toMatchObject({ type: 'shutdown', cause: { cause: 'text' } })
  })

  test.each([null, 'error', new Error('boom'), {}, { type: 'wrong' }])(
    'refuses %o, which is no reason',
    async given => {
      await using stage = new Stage()
      const actor = stage.spawn(
        behavior<{ replyTo: ReplyTo<never> }, null>({
          initial: () => null,
          receive: () => stopped(given as unknown as ExitReason),
        }),
      )
      expect(await rejection(actor.ask(replyTo => ({ replyTo })))).toMatchObject({
        code: 'ACTOR_CRASHED',
        cause: { code: 'BEHAVIOR_INVALID', message: expect.stringContaining(String(given)) },
      })
    },
  )
})

test('refuses a mailbox capacity that is no whole number of at least 1', () => {
  for (const capacity of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
    expect(() =>
      behavior<string, null>({ initial: () => null, receive: s => s, mailbox: { capacity, overflow: 'reject' } }),
    ).toThrow(RangeError)
})

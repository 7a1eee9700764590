import { describe, expect, test } from 'vitest'
import { behavior } from '../../src/kernel/behavior.ts'
import type { Cell } from '../../src/kernel/cell.ts'
import type { ActorContext, ActorRef, ReplyTo } from '../../src/kernel/types.ts'
import { gate, rejection, Stage, settle } from './support.ts'

interface Ask {
  readonly run: (context: ActorContext<Ask>) => unknown
  readonly replyTo: ReplyTo<unknown>
}

/** Answers with what its task comes to, or with what it fails with. */
const asking = behavior<Ask, null>({
  initial: () => null,
  receive: (state, { run, replyTo }, context) => {
    const done = run(context)
    if (!(done instanceof Promise)) {
      replyTo.tell(done)
      return state
    }
    return done.then(
      value => {
        replyTo.tell(value)
        return state
      },
      error => {
        replyTo.tell(error)
        return state
      },
    )
  },
})

const ask = (ref: ActorRef<Ask>, run: Ask['run']): Promise<unknown> => ref.ask<unknown>(replyTo => ({ run, replyTo }))

/** Asks within a handler, and waits there. */
const waits =
  (ref: () => ActorRef<Ask>, run: Ask['run']): Ask['run'] =>
  async context =>
    context.ask<Ask, unknown>(ref(), replyTo => ({ run, replyTo }))

const cycle = (...names: string[]) => ({
  code: 'ASK_CYCLE',
  message: expect.stringContaining(names.map(name => `/test/${name}`).join(' asks ')),
})

const three = (stage: Stage) => {
  const [a, b, c] = ['a', 'b', 'c'].map(name => stage.spawn(asking, name)) as [
    ActorRef<Ask>,
    ActorRef<Ask>,
    ActorRef<Ask>,
  ]
  return { a, b, c }
}

describe('context.ask', () => {
  test('answers as `ref.ask` does', async () => {
    await using stage = new Stage()
    const { a, b } = three(stage)
    expect(
      await ask(
        a,
        waits(
          () => b,
          () => 7,
        ),
      ),
    ).toBe(7)
    expect(
      await ask(a, context =>
        rejection(
          context.ask(b, () => ({ run: () => new Promise(() => undefined), replyTo: { tell: () => undefined } }), {
            timeoutMs: 1,
          }),
        ),
      ),
    ).toMatchObject({ code: 'ASK_TIMEOUT' })
  })

  test('of the actor itself, waited for in its handler, fails at once', async () => {
    await using stage = new Stage()
    const { a } = three(stage)
    let handled = false
    const failed = await ask(
      a,
      waits(
        () => a,
        () => {
          handled = true
        },
      ),
    )
    expect(failed).toMatchObject(cycle('a', 'a'))
    await settle()
    expect(handled).toBe(false)
    expect(stage.letters).toEqual([])
    expect(await ask(a, () => 'still there')).toBe('still there')
  })

  test.each([
    ['in the handler’s first part', async () => undefined],
    ['after it has waited for something else', settle],
  ])('that would close a circle of three fails at once with the chain, asked %s', async (_name, before) => {
    await using stage = new Stage()
    const { a, b, c } = three(stage)
    const handled: string[] = []
    const closing: Ask['run'] = async context => {
      await before()
      return context.ask<Ask, unknown>(a, replyTo => ({ run: () => handled.push('a'), replyTo }))
    }
    const failed = await ask(
      a,
      waits(
        () => b,
        waits(() => c, closing),
      ),
    )
    expect(failed).toMatchObject(cycle('c', 'a', 'b', 'c'))
    await settle()
    expect(handled).toEqual([])
  })

  test('of two that ask each other at the same time: one fails, and that answers the other', async () => {
    await using stage = new Stage()
    const { a, b } = three(stage)
    const answers = await Promise.all([
      ask(
        a,
        waits(
          () => b,
          () => 'b',
        ),
      ),
      ask(
        b,
        waits(
          () => a,
          () => 'a',
        ),
      ),
    ])
    expect(answers[0]).toBe('b')
    expect(answers[1]).toMatchObject(cycle('b', 'a', 'b'))
  })

  test('that is not waited for in the handler closes no circle', async () => {
    await using stage = new Stage()
    const { a, b } = three(stage)
    const answers: unknown[] = []
    await ask(a, context => {
      void context
        .ask<Ask, unknown>(context.self, replyTo => ({ run: () => 'self', replyTo }))
        .then(x => answers.push(x))
      void context
        .ask<Ask, unknown>(b, replyTo => ({
          run: waits(
            () => a,
            () => 'a',
          ),
          replyTo,
        }))
        .then(x => answers.push(x))
    })
    await settle()
    expect(answers).toEqual(['self', 'a'])
  })

  test('of an earlier handler closes no circle while a later one waits for something else', async () => {
    await using stage = new Stage()
    const { a, b } = three(stage)
    const busy = gate()
    const late: Ask['run'] = async context => {
      await busy.opened
      return context.ask<Ask, unknown>(a, replyTo => ({ run: () => 'a', replyTo }))
    }
    let answer: Promise<unknown> = Promise.resolve()
    await ask(a, context => {
      answer = context.ask<Ask, unknown>(b, replyTo => ({ run: late, replyTo }))
    })
    await ask(a, () => {
      busy.open()
      return settle()
    })
    expect(await answer).toBe('a')
  })

  test('does not see a circle in actors that wait for a common third one', async () => {
    await using stage = new Stage()
    const { a, b, c } = three(stage)
    const slow: Ask['run'] = () => settle().then(() => 'c')
    expect(
      await Promise.all([
        ask(
          a,
          waits(
            () => b,
            waits(() => c, slow),
          ),
        ),
        ask(
          b,
          waits(() => c, slow),
        ),
      ]),
    ).toEqual(['c', 'c'])
  })

  test('in an `initial` that waits is seen too', async () => {
    await using stage = new Stage()
    const errors: unknown[] = []
    const child = (parent: ActorRef<Ask>) =>
      behavior<Ask, null>({
        initial: async context => {
          errors.push(
            await rejection(
              context.ask(parent, replyTo => ({ run: () => 'parent', replyTo: replyTo as ReplyTo<unknown> })),
            ),
          )
          return null
        },
        receive: (state, { run, replyTo }, context) => {
          replyTo.tell(run(context))
          return state
        },
      })
    const { a } = three(stage)
    const answer = await ask(a, async context => {
      const born = context.spawn(child(context.self), { name: 'born' })
      return context.ask<Ask, unknown>(born, replyTo => ({ run: () => 'born', replyTo }))
    })
    // Which of the two asks closes it depends on who comes first: the child starts after its parent has asked.
    expect(errors).toMatchObject([cycle('a/born', 'a', 'a/born')])
    expect(answer).toBe('born')
  })

  test('through a context that is revoked fails, and its message is a dead letter `killed`', async () => {
    await using stage = new Stage()
    const { a, b } = three(stage)
    let old!: ActorContext<Ask>
    await ask(a, context => {
      old = context
    })
    await a.stop()
    const failed = await rejection(old.ask<Ask, unknown>(b, replyTo => ({ run: () => 1, replyTo })))
    expect(failed).toMatchObject({ code: 'ACTOR_STOPPED' })
    expect(stage.letters).toMatchObject([{ recipient: '/test/b', reason: 'killed' }])
  })

  test.each([
    ['whose message cannot be made', () => expect.fail('no message'), {}],
    ['whose time limit is none', (replyTo: ReplyTo<unknown>) => ({ run: () => 1, replyTo }), { timeoutMs: Number.NaN }],
  ])('%s closes no circle: its asker waits for nobody', async (_name, make, options) => {
    await using stage = new Stage()
    const { a, b } = three(stage)
    const door = gate()
    const first = ask(a, async context => {
      await rejection(context.ask<Ask, unknown>(b, make, options))
      await door.opened
    })
    await settle()
    const second = ask(
      b,
      waits(
        () => a,
        () => 'a',
      ),
    )
    await settle()
    door.open()
    expect(await second).toBe('a')
    await first
  })

  test('in a handler that goes on asking keeps what is not answered, and no more than twice as much', async () => {
    await using stage = new Stage()
    const { a, b, c } = three(stage)
    const kept: number[] = []
    const door = gate()
    const answer = await ask(a, async context => {
      const self = context.self as unknown as Cell
      const open = context.ask<Ask, unknown>(c, replyTo => ({ run: () => door.opened.then(() => 'c'), replyTo }))
      for (let n = 0; n < 1_000; n++) {
        await context.ask<Ask, unknown>(b, replyTo => ({ run: () => n, replyTo }))
        kept.push(self.awaited.length)
      }
      expect(self.awaited.filter(reply => !reply.settled)).toHaveLength(1)
      door.open()
      return open
    })
    expect(Math.max(...kept)).toBeLessThanOrEqual(32)
    expect(answer).toBe('c')
  })

  test('through a context that is revoked, of a message that cannot be made, fails with that error only', async () => {
    await using stage = new Stage()
    const { a, b } = three(stage)
    let old!: ActorContext<Ask>
    await ask(a, context => {
      old = context
    })
    await a.stop()
    // A promise that is left rejected beside it fails this file.
    expect(await rejection(old.ask<Ask, unknown>(b, () => expect.fail('no message')))).toMatchObject({
      message: 'no message',
    })
    await settle()
    expect(stage.letters).toEqual([])
  })
})

test('`ref.ask` looks for no circle, and costs nothing for it', async () => {
  await using stage = new Stage()
  const { a } = three(stage)
  const failed = await ask(a, context =>
    rejection(context.self.ask(replyTo => ({ run: () => 1, replyTo: replyTo as ReplyTo<unknown> }), { timeoutMs: 20 })),
  )
  expect(failed).toMatchObject({ code: 'ASK_TIMEOUT' })
})

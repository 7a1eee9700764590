import { expect, test } from 'vitest'
import { RuntimeError } from '../../src/base/errors.ts'
import { become, behavior } from '../../src/kernel/behavior.ts'
import { router } from '../../src/kernel/router.ts'
import { ActorSystem } from '../../src/kernel/system.ts'
import type { ReplyTo } from '../../src/kernel/types.ts'
import { pool } from '../../src/supervision/pool.ts'
import { rejection, Stage, settle } from './support.ts'

const thrownBy = (doing: () => unknown): unknown => {
  try {
    doing()
  } catch (error) {
    return error
  }
  return expect.fail('nothing was thrown')
}

const refused = (code: string, ...parts: string[]) =>
  expect.objectContaining({
    code,
    message: expect.stringMatching(new RegExp(parts.map(part => part.replace(/[[\]{}()$]/g, '\\$&')).join('.*'))),
  })

const nothing = behavior<never, null>({ initial: () => null, receive: state => state })

test.each([
  [5, '5'],
  [null, 'null'],
  [{}, '[object Object]'],
  [Symbol('s'), 'Symbol(s)'],
  [Object.create(null), '[object Object]'],
])('refuses the name %o of an actor, and shows it', async (name, shown) => {
  await using stage = new Stage()
  const error = thrownBy(() => stage.system.spawn(nothing, { name: name as never }))
  expect(error).toBeInstanceOf(RuntimeError)
  expect(error).toEqual(refused('ACTOR_NAME_INVALID', '/test: ', shown))
})

test('refuses such a name for a child, too', async () => {
  await using stage = new Stage()
  let error: unknown
  stage.spawn(
    behavior<never, null>({
      initial: context => {
        error = thrownBy(() => context.spawn(nothing, { name: 5 as never }))
        return null
      },
      receive: state => state,
    }),
    'parent',
  )
  await settle()
  expect(error).toEqual(refused('ACTOR_NAME_INVALID', '/test/parent: ', '5'))
})

test.each([5, '', 'a/b'])('refuses the name %o of a system', name => {
  expect(thrownBy(() => ActorSystem.start({ name: name as never }))).toEqual(refused('ACTOR_NAME_INVALID', `${name}`))
})

test.each([undefined, null, {}, () => 1])(
  'refuses to spawn %o, which no `behavior` made, as an actor and as a child',
  async made => {
    await using stage = new Stage()
    expect(thrownBy(() => stage.system.spawn(made as never))).toEqual(
      refused('BEHAVIOR_INVALID', '/test', String(made)),
    )
    let error: unknown
    stage.spawn(
      behavior<never, null>({
        initial: context => {
          error = thrownBy(() => context.spawn(made as never))
          return null
        },
        receive: state => state,
      }),
      'parent',
    )
    await settle()
    expect(error).toEqual(refused('BEHAVIOR_INVALID', '/test/parent', String(made)))
  },
)

const initial = () => null
const receive = () => null

test.each([
  [undefined, 'definition', 'undefined'],
  [{ receive }, 'initial', 'undefined'],
  [{ initial, receive: 'no' }, 'receive', '"no"'],
  [{ initial, receive, onSignal: 1 }, 'onSignal', '1'],
  [{ initial, receive, onStop: {} }, 'onStop', '[object Object]'],
  [{ initial, receive, handlerTimeoutMs: -1 }, 'handlerTimeoutMs', '-1'],
  [{ initial, receive, startTimeoutMs: Number.NaN }, 'startTimeoutMs', 'NaN'],
])('refuses the definition %o of a behavior: it names the field and the value', (definition, field, value) => {
  expect(thrownBy(() => behavior(definition as never))).toEqual(refused('BEHAVIOR_INVALID', field, value))
})

test('become of what no `behavior` made crashes the actor with that error', async () => {
  await using stage = new Stage()
  const actor = stage.spawn(
    behavior<{ readonly replyTo: unknown }, unknown>({ initial, receive: () => become({} as never) }),
  )
  expect(await rejection(actor.ask(replyTo => ({ replyTo })))).toMatchObject({
    code: 'ACTOR_CRASHED',
    cause: { code: 'BEHAVIOR_INVALID' },
    message: expect.stringContaining('what behaves must be made by `behavior`'),
  })
})

test.each([Number.NaN, -1, '100', {}, 'forever'])(
  'refuses to stop and to drain within %o ms, whoever is asked, and ends nobody',
  async value => {
    await using stage = new Stage()
    const echo = behavior<{ readonly replyTo: ReplyTo<string> }, null>({
      initial,
      receive: (state, { replyTo }) => {
        replyTo.tell('here')
        return state
      },
    })
    const actor = stage.spawn(echo, 'actor')
    const several = router(stage.system, { routing: 'round-robin', members: [actor], name: 'several' })
    const workers = pool(stage.system, { worker: echo, size: 1, name: 'workers' })
    const options = { shutdownMs: value as never }
    const refusal = { name: 'RangeError', message: expect.stringContaining(String(value)) }
    for (const ref of [actor, several, workers]) {
      expect(await rejection(ref.stop(options))).toMatchObject(refusal)
      expect(await rejection(ref.drain(options))).toMatchObject(refusal)
      expect(await ref.ask(replyTo => ({ replyTo }))).toBe('here')
    }
    expect(await rejection(stage.system.terminate(options))).toMatchObject(refusal)
    expect(await stage.spawn(echo).ask(replyTo => ({ replyTo }))).toBe('here')
  },
)

test.each(['nonsense', null, 1])('refuses the overflow %o of a mailbox, and says which there are', overflow => {
  const text = /reject, drop-newest, drop-oldest, backpressure.*(nonsense|null|1)/
  for (const more of [{}, { priority: () => 1 }])
    expect(() =>
      behavior<string, null>({ initial, receive, mailbox: { capacity: 1, overflow: overflow as never, ...more } }),
    ).toThrow(text)
})

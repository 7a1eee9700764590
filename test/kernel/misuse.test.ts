import { describe, expect, test } from 'vitest'
import { RuntimeError } from '../../src/base/errors.ts'
import { become, behavior } from '../../src/kernel/behavior.ts'
import { router } from '../../src/kernel/router.ts'
import { ActorSystem } from '../../src/kernel/system.ts'
import type { ActorRef, ReplyTo } from '../../src/kernel/types.ts'
import { childRef } from '../../src/supervision/control.ts'
import { dynamicSupervisor } from '../../src/supervision/dynamic-supervisor.ts'
import { pool } from '../../src/supervision/pool.ts'
import { supervisor } from '../../src/supervision/supervisor.ts'
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

describe('a misspelt or unknown option is refused, not left out', () => {
  const echo = behavior<{ readonly replyTo: ReplyTo<string> }, null>({
    initial,
    receive: (state, { replyTo }) => {
      replyTo.tell('here')
      return state
    },
  })
  const unknown = (value: unknown): never => value as never
  const cases: Record<string, [(stage: Stage) => unknown, RegExp]> = {
    'of a behavior': [
      () => behavior(unknown({ initial, receive, onstop: () => undefined })),
      /behavior: the definition may have initial, receive, onSignal, onStop, .*not "onstop"/,
    ],
    'of a mailbox': [
      () => behavior({ initial, receive, mailbox: unknown({ capacity: 1, overflw: 'reject' }) }),
      /mailbox may have capacity, overflow, priority, not "overflw"/,
    ],
    'of a stash': [
      () => behavior({ initial, receive, stash: unknown({ capacity: 1, size: 2 }) }),
      /stash may have capacity, not "size"/,
    ],
    'of a system': [
      () => ActorSystem.start(unknown({ slice: 1 })),
      /options of a system may have name, .*sliceMs, not "slice"/,
    ],
    'of a system that are a text': [
      () => ActorSystem.start(unknown('x')),
      /options of a system must be an object, not "x"/,
    ],
    'of an actor': [
      ({ system }) => system.spawn(echo, unknown({ nam: 'x' })),
      /options of an actor may have name, not "nam"/,
    ],
    'of a child specification': [
      () => supervisor({ children: [unknown({ id: 'a', start: echo, shutdown: 5 })] }),
      /child specification "a": it may have id, start, restart, shutdownMs, .*not "shutdown"/,
    ],
    'of a supervisor': [
      () => supervisor(unknown({ stratgy: 'one-for-all', children: [] })),
      /supervisor specification: it may have strategy, .*not "stratgy"/,
    ],
    'of a backoff': [
      () => supervisor({ backoff: unknown({ min: 5 }), children: [] }),
      /backoff may have minMs, maxMs, jitter, resetAfterMs, not "min"/,
    ],
    'of redelivery': [
      () => supervisor({ children: [{ id: 'a', start: echo, redeliver: unknown({ attempts: 2, waitMs: 1 }) }] }),
      /redeliver may have attempts, not "waitMs"/,
    ],
    'of a dynamic supervisor': [
      () => dynamicSupervisor(unknown({ start: () => echo, strategy: 'one-for-all' })),
      /it may have start, .*maxChildren, .*not "strategy"/,
    ],
    'of a router': [
      ({ system }) => router(system, unknown({ routing: 'broadcast', member: [] })),
      /options of a router may have routing, members, name, not "member"/,
    ],
    'of a routing, as a word': [
      ({ system }) => router(system, { routing: unknown('roundrobin') }),
      /routing must be one of round-robin, smallest-mailbox, broadcast, scatter-gather-first, not "roundrobin"/,
    ],
    'of a routing, as an object': [
      ({ system }) => router(system, { routing: unknown({ type: 'hash', keyOf: String }) }),
      /type of a router's routing must be one of consistent-hash, not "hash"/,
    ],
    'of a pool': [
      ({ system }) => pool(system, unknown({ worker: echo, size: 1, ttl: 5 })),
      /options of a pool may have .*ttlMs, .*not "ttl"/,
    ],
    'of a pool’s queue': [
      ({ system }) => pool(system, { worker: echo, size: 1, queue: unknown({ capacity: 1, overFlow: 'reject' }) }),
      /a pool's queue may have capacity, overflow, not "overFlow"/,
    ],
    'of a shutdown task': [
      ({ system }) => system.onShutdown('drain', () => undefined, unknown({ timeout: 5 })),
      /options of a shutdown task may have timeoutMs, name, not "timeout"/,
    ],
  }
  test.each(Object.keys(cases))('%s', async which => {
    await using stage = new Stage()
    const [doing, text] = cases[which] as (typeof cases)[string]
    expect(() => doing(stage)).toThrow(text)
    expect(stage.system.inspect()).toEqual([])
  })

  test.each([
    [
      'mode',
      { everyMs: 5, mode: 'fixedRate' },
      /a timer's mode must be one of fixed-delay, fixed-rate, not "fixedRate"/,
    ],
    ['name', { after: 5 }, /a timer's times may have afterMs, everyMs, mode, not "after"/],
  ])('of a timer: its %s', async (_what, times, text) => {
    await using stage = new Stage()
    const actor = stage.spawn(
      behavior<{ readonly replyTo: ReplyTo<unknown> }, null>({
        initial,
        receive: (state, { replyTo }, context) => {
          replyTo.tell(thrownBy(() => context.timers.start('t', { replyTo }, unknown(times))))
          return state
        },
      }),
    )
    expect(await actor.ask(replyTo => ({ replyTo }))).toMatchObject({ message: expect.stringMatching(text) })
  })

  test.each([
    ['misspelt options', { timeout: 5 }, /options of an ask may have timeoutMs, not "timeout"/],
    ['options that are a number', 5, /options of an ask must be an object, not 5/],
    ['a time that is none', { timeoutMs: '5' }, /timeoutMs must be a number of ms, not "5"/],
  ])('of an ask: %s', async (_what, options, text) => {
    await using stage = new Stage()
    const actor = stage.spawn(echo)
    const workers = pool(stage.system, { worker: echo, size: 1 })
    for (const ref of [actor, workers, router(stage.system, { routing: 'round-robin', members: [actor] })])
      expect(await rejection(ref.ask(replyTo => ({ replyTo }), unknown(options)))).toMatchObject({
        name: 'RangeError',
        message: expect.stringMatching(text),
      })
    // Nobody was asked.
    expect(stage.system.inspect()[0]).toMatchObject({ handled: 0 })
  })

  test('of a stop, and then nobody ends', async () => {
    await using stage = new Stage()
    const actor = stage.spawn(echo)
    for (const [options, text] of [
      [{ timeoutMs: 5 }, 'the options of a stop may have shutdownMs, not "timeoutMs"'],
      [5, 'the options of a stop must be an object, not 5'],
    ] as const) {
      expect(await rejection(actor.stop(unknown(options)))).toMatchObject({ name: 'RangeError', message: text })
      expect(await rejection(actor.drain(unknown(options)))).toMatchObject({ name: 'RangeError', message: text })
    }
    expect(await actor.ask(replyTo => ({ replyTo }))).toBe('here')
  })
})

test.each([{}, undefined, { replyTo: null }, 'hello'])('refuses to ask with %o in place of a function', async made => {
  await using stage = new Stage()
  const actor = stage.spawn(nothing)
  const asker = stage.spawn(
    behavior<{ readonly replyTo: ReplyTo<unknown> }, null>({
      initial,
      receive: async (state, { replyTo }, context) => {
        replyTo.tell(await rejection(context.ask(actor, made as never)))
        return state
      },
    }),
  )
  const refusal = { name: 'RangeError', message: expect.stringContaining('ask takes a function from where to answer') }
  expect(await rejection(actor.ask(made as never))).toMatchObject(refusal)
  expect(await asker.ask(replyTo => ({ replyTo }))).toMatchObject(refusal)
})

describe('a handler that returns nothing crashes its actor: the state would be gone without a trace', () => {
  type Asked = { readonly replyTo: ReplyTo<number> }
  const forgetful: Record<string, (message: Asked) => unknown> = {
    'a plain one': () => undefined,
    'an async one': async () => undefined,
  }
  test.each(Object.keys(forgetful))('%s', async which => {
    await using stage = new Stage()
    const start = behavior<Asked, number>({
      initial: () => 1,
      receive: (_state, message) => forgetful[which]?.(message) as number,
    })
    const top = stage.spawn(supervisor({ children: [{ id: 'counter', start }] }))
    const actor = await childRef<Asked>(top, 'counter')
    expect(await rejection(actor.ask(replyTo => ({ replyTo })))).toMatchObject({
      code: 'ACTOR_CRASHED',
      cause: { code: 'BEHAVIOR_INVALID', message: expect.stringContaining('counter: a handler returned undefined') },
    })
    // Its supervisor has restarted it.
    expect(await rejection(actor.ask(replyTo => ({ replyTo })))).toMatchObject({ code: 'ACTOR_CRASHED' })
  })

  test('a signal handler', async () => {
    await using stage = new Stage()
    const child = stage.spawn(nothing, 'child')
    const watcher = stage.spawn(
      behavior<never, number>({
        initial: context => {
          context.watch(child as ActorRef<never>)
          return 1
        },
        receive: state => state,
        onSignal: () => undefined as never,
      }),
      'watcher',
    )
    await child.stop()
    await settle()
    expect(stage.logger.lines).toMatchObject([
      { text: '/test/watcher crashed, and no supervisor restarts it', fields: { error: { code: 'BEHAVIOR_INVALID' } } },
    ])
    await watcher.stop()
  })
})

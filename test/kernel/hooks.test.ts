import { describe, expect, test } from 'vitest'
import { type Behavior, behavior, systemBehavior } from '../../src/kernel/behavior.ts'
import type { ActorContext, BehaviorDefinition, ExitReason } from '../../src/kernel/types.ts'
import { gate, hold, rejection, Stage, settle, sleep, VirtualStage } from './support.ts'

const boom = (): never => {
  throw new Error('boom')
}
const asyncBoom = async (): Promise<never> => {
  await settle()
  return boom()
}
const leaf = behavior<string, null>({ initial: () => null, receive: state => state })

type Hooks = Partial<BehaviorDefinition<string, null>>

const throwing: [string, Hooks][] = [boom, asyncBoom].flatMap(fail => {
  const kind = fail === boom ? 'throws' : 'rejects'
  return [
    [`initial ${kind}`, { initial: fail }],
    [`receive ${kind}`, { receive: fail }],
    [`onSignal ${kind}`, { onSignal: fail }],
    [`onStop ${kind}`, { onStop: fail }],
    [`receive and onStop ${kind}`, { receive: fail, onStop: fail }],
  ] as [string, Hooks][]
})

describe('an actor whose', () => {
  test.each(throwing)('%s does not become a zombie, and the system terminates', async (_name, hooks) => {
    const stage = new Stage()
    const parent = behavior<string, null>({
      initial: context => {
        const child = context.spawn(leaf)
        context.watch(child)
        void child.stop()
        return null
      },
      receive: state => state,
      ...hooks,
    })
    const actor = stage.spawn(parent, 'actor')
    const asked = rejection(actor.ask(() => 'ask'))
    actor.tell('tell')
    await settle()
    await Promise.all([asked, actor.stop()])
    await stage.spawn(leaf, 'actor').stop()
    await stage.system.terminate()
    expect(await stage.system.whenTerminated).toEqual({ type: 'normal' })
  })
})

describe('a crash', () => {
  test('of an actor without supervisor is logged once, with its error', async () => {
    await using stage = new Stage()
    const actor = stage.spawn(behavior<string, null>({ initial: () => null, receive: boom }), 'fragile')
    actor.tell('secret payload')
    await settle()
    expect(stage.logger.lines.filter(line => line.level === 'error')).toMatchObject([
      { text: '/test/fragile crashed, and no supervisor restarts it', fields: { error: { message: 'boom' } } },
    ])
    expect(JSON.stringify(stage.logger.lines)).not.toContain('secret')
  })

  test('may be of any thrown value, and reaches the stop hook as an error', async () => {
    await using stage = new Stage()
    for (const thrown of [undefined, null, 0, 'text', Object.create(null), Symbol('s')]) {
      const reasons: ExitReason[] = []
      const actor = stage.spawn(
        behavior<string, null>({
          initial: () => null,
          receive: () => {
            throw thrown
          },
          onStop: (_state, reason) => {
            reasons.push(reason)
          },
        }),
      )
      actor.tell('x')
      await settle()
      expect(reasons).toMatchObject([{ type: 'error' }])
      const [reason] = reasons
      expect(reason?.type === 'error' && reason.error).toBeInstanceOf(Error)
    }
  })

  test('by `context.fail` comes after the handler in flight and ahead of messages', async () => {
    await using stage = new Stage()
    const seen: unknown[] = []
    const door = gate()
    let context: ActorContext<string> | undefined
    const actor = stage.spawn(
      behavior<string, null>({
        initial: own => {
          context = own
          return null
        },
        receive: async (state, message) => {
          seen.push(message)
          if (message === 'wait') await door.opened
          return state
        },
        onStop: (_state, reason) => {
          seen.push(reason.type === 'error' && reason.error.message)
        },
      }),
    )
    actor.tell('wait')
    await settle()
    actor.tell('queued')
    context?.fail(new Error('from a callback'))
    await settle()
    expect(seen).toEqual(['wait'])
    door.open()
    await settle()
    expect(seen).toEqual(['wait', 'from a callback'])
    context?.fail(new Error('too late'))
    await settle()
    expect(seen).toHaveLength(2)
  })
})

describe('handlerTimeoutMs', () => {
  test('ends a handler that has not settled by then with ACTOR_HANDLER_TIMEOUT, and runs the stop hook', async () => {
    await using stage = new VirtualStage()
    const reasons: ExitReason[] = []
    let context: ActorContext<string> | undefined
    const actor = stage.spawn(
      behavior<string, null>({
        initial: () => null,
        receive: (_state, _message, own) => {
          context = own
          return new Promise<null>(() => undefined)
        },
        onStop: (_state, reason, own) => {
          reasons.push(reason)
          own.tell(own.self, 'the stop hook still speaks')
        },
        handlerTimeoutMs: 100,
      }),
    )
    const asked = rejection(actor.ask(() => 'never answered'))
    await settle()
    stage.clock.advance(99)
    await settle()
    expect(reasons).toEqual([])
    stage.clock.advance(1)
    expect(await asked).toMatchObject({ code: 'ACTOR_CRASHED', cause: { code: 'ACTOR_HANDLER_TIMEOUT' } })
    expect(reasons).toMatchObject([{ type: 'error', error: { code: 'ACTOR_HANDLER_TIMEOUT' } }])
    expect(context?.signal.aborted).toBe(true)
    context?.tell(actor, 'from the timed-out handler')
    expect(stage.letters).toMatchObject([
      { message: 'the stop hook still speaks', reason: 'stopped' },
      { message: 'from the timed-out handler', reason: 'killed' },
    ])
  })

  test('does nothing to a handler that settles in time, message after message', async () => {
    await using stage = new VirtualStage()
    let handled = 0
    const actor = stage.spawn(
      behavior<string, null>({
        initial: () => null,
        receive: async state => {
          await settle()
          handled++
          return state
        },
        handlerTimeoutMs: 10,
      }),
    )
    for (let i = 0; i < 4; i++) {
      actor.tell('x')
      await settle()
      stage.clock.advance(9)
      await settle()
    }
    expect(handled).toBe(4)
    expect(stage.clock.pending).toBe(0)
  })

  test('lets what the handler still does count for nothing in the next incarnation', async () => {
    await using stage = new Stage()
    const states: unknown[] = []
    const { child } = await hold(
      stage,
      behavior<string, string>({
        initial: () => 'fresh',
        receive: async (state, message) => {
          states.push(state)
          if (message === 'slow') {
            await sleep(30)
            return 'poisoned'
          }
          return state
        },
        handlerTimeoutMs: 5,
      }) as never,
    )
    child.tell('slow')
    await sleep(60)
    child.tell('after')
    await settle()
    expect(states).toEqual(['fresh', 'fresh'])
  })

  test('of a handler that failed late is told at debug level, not lost', async () => {
    await using stage = new Stage()
    const actor = stage.spawn(
      behavior<string, null>({
        initial: () => null,
        receive: async () => {
          await sleep(20)
          return boom()
        },
        handlerTimeoutMs: 5,
      }),
    )
    actor.tell('x')
    await sleep(40)
    expect(stage.logger.lines.map(line => line.level)).toEqual(['error', 'debug'])
  })
})

test('a stop hook that fails is logged, and the actor ends all the same', async () => {
  await using stage = new Stage()
  const actor = stage.spawn(behavior<string, null>({ initial: () => null, receive: s => s, onStop: boom }), 'a')
  await settle()
  await actor.stop()
  expect(stage.logger.lines).toMatchObject([{ level: 'error', text: '/test/a: stop hook failed' }])
})

test('an abort listener may end its own actor: it ends once', async () => {
  for (const end of ['crash', 'stop', 'kill', 'timeout'] as const) {
    await using stage = new Stage()
    const ended: unknown[] = []
    const actor = stage.spawn(
      behavior<string, null>({
        initial: context => {
          context.signal.addEventListener('abort', () => context.self.kill())
          return null
        },
        receive: state => {
          if (end === 'crash') return boom()
          return end === 'timeout' ? new Promise<null>(() => undefined) : state
        },
        handlerTimeoutMs: 5,
      }),
    )
    stage.spawn(
      behavior<never, null>({
        initial: context => {
          context.watch(actor)
          return null
        },
        receive: state => state,
        onSignal: (state, signal) => {
          ended.push(signal)
          return state
        },
      }),
    )
    await settle()
    if (end === 'stop') void actor.stop()
    else if (end === 'kill') actor.kill()
    else actor.tell('x')
    await sleep(20)
    await actor.stop()
    expect(ended).toMatchObject([{ type: 'terminated', reason: { type: 'killed' } }])
    expect(stage.logger.lines.filter(line => line.level === 'error')).toEqual([])
  }
})

test('`onKill` of a runtime behavior runs once in place of the stop hook, for each of a killed tree', async () => {
  await using stage = new Stage()
  const seen: unknown[] = []
  const node = (depth: number): Behavior<string> =>
    systemBehavior<string, string>(
      {
        initial: context => {
          if (depth > 0) context.spawn(node(depth - 1))
          return `state ${depth}`
        },
        receive: state => state,
        onStop: () => {
          seen.push('stop hook')
        },
      },
      { onKill: state => seen.push(state) },
    )
  const root = stage.spawn(node(2))
  await settle()
  root.kill()
  root.kill()
  await settle()
  expect(seen).toEqual(['state 0', 'state 1', 'state 2'])
})

test('a stop hook that never settles after a crash is given 5,000 ms: then the crash is told as it was', async () => {
  await using stage = new VirtualStage()
  const seen: string[] = []
  const stuck = behavior<string, null>({
    initial: () => null,
    receive: (state, message) => {
      if (message === 'crash') throw new Error('boom')
      seen.push(message)
      return state
    },
    onStop: () => new Promise(() => undefined),
  })
  const { child, exits } = await hold(stage, stuck)
  for (const message of ['crash', 'next']) child.tell(message)
  await settle()
  stage.clock.advance(4_999)
  await settle()
  expect(exits).toEqual([])
  stage.clock.advance(1)
  await settle()
  expect(exits).toMatchObject([{ reason: { type: 'error', error: { message: 'boom' } } }])
  expect([seen, stage.clock.pending]).toEqual([['next'], 0])
  expect(stage.logger.lines.map(line => line.text)).toEqual([
    `${child.path}: children or stop hook have not ended within 5000 ms; killed`,
  ])
})

test('a stop hook that never settles after a crash keeps nobody: a stop ends it in its time, and so does the system', async () => {
  const stage = new VirtualStage()
  const stuck = behavior<string, null>({
    initial: () => null,
    receive: boom,
    onStop: () => new Promise(() => undefined),
  })
  const [first, second] = [stage.spawn(stuck), stage.spawn(stuck)]
  first.tell('crash')
  second.tell('crash')
  await settle()
  const stopped = first.stop({ shutdownMs: 100 })
  stage.clock.advance(100)
  await stopped
  const terminated = stage.system.terminate()
  stage.clock.advance(5_000)
  await terminated
  expect(stage.clock.pending).toBe(0)
})

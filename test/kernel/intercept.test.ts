import { describe, expect, test } from 'vitest'
import { become, behavior } from '../../src/kernel/behavior.ts'
import { type Interceptor, intercept } from '../../src/kernel/intercept.ts'
import type { ReplyTo } from '../../src/kernel/types.ts'
import { supervisorControl } from '../../src/supervision/control.ts'
import { supervisor } from '../../src/supervision/supervisor.ts'
import { Stage, settle } from './support.ts'

type Message =
  | { readonly type: 'add'; readonly by: number }
  | { readonly type: 'read'; readonly replyTo: ReplyTo<number> }

const counter = behavior<Message, number>({
  initial: () => 0,
  receive: (count, message) => {
    if (message.type === 'add') {
      if (message.by < 0) throw new Error('negative')
      return message.by > 100 ? settle().then(() => count + message.by) : count + message.by
    }
    message.replyTo.tell(count)
    return count
  },
})

const read = (replyTo: ReplyTo<number>): Message => ({ type: 'read', replyTo })

const recording =
  (name: string, log: string[]): Interceptor<Message> =>
  (state, message, context, next) => {
    log.push(`${name} ${message.type} ${context.name}`)
    const outcome = next(state, message, context)
    log.push(`${name} done`)
    return outcome
  }

describe('an interceptor', () => {
  test('sees each message around the handler, the first one outermost', async () => {
    await using stage = new Stage()
    const log: string[] = []
    const actor = stage.spawn(intercept(counter, recording('outer', log), recording('inner', log)), 'counter')
    actor.tell({ type: 'add', by: 2 })
    expect(await actor.ask(read)).toBe(2)
    expect(log.slice(0, 4)).toEqual(['outer add counter', 'inner add counter', 'inner done', 'outer done'])
    expect(log).toHaveLength(8)
  })

  test('may keep a message from the handler, change it, and look at what comes of it', async () => {
    await using stage = new Stage()
    const seen: unknown[] = []
    const authorise: Interceptor<Message> = (state, message, context, next) =>
      message.type === 'add' && message.by === 13 ? state : next(state, message, context)
    const double: Interceptor<Message> = (state, message, context, next) =>
      next(state, message.type === 'add' ? { type: 'add', by: message.by * 2 } : message, context)
    const measure: Interceptor<Message> = (state, message, context, next) => {
      const outcome = next(state, message, context)
      seen.push(outcome instanceof Promise ? 'promise' : outcome)
      return outcome
    }
    const actor = stage.spawn(intercept(counter, authorise, double, measure))
    for (const by of [1, 13, 60, 3]) actor.tell({ type: 'add', by })
    expect(await actor.ask(read)).toBe(128)
    expect(seen).toEqual([2, 'promise', 128, 128])
  })

  test('that throws crashes the actor, and sees what the handler throws', async () => {
    await using stage = new Stage()
    const seen: unknown[] = []
    const watching: Interceptor<Message> = (state, message, context, next) => {
      try {
        return next(state, message, context)
      } catch (error) {
        seen.push((error as Error).message)
        throw new Error('from the interceptor', { cause: error })
      }
    }
    stage.spawn(intercept(counter, watching)).tell({ type: 'add', by: -1 })
    await settle()
    expect(seen).toEqual(['negative'])
    expect(stage.logger.lines).toMatchObject([{ fields: { error: { message: 'from the interceptor' } } }])
  })

  test('stays around what its behavior becomes, once', async () => {
    await using stage = new Stage()
    const log: string[] = []
    const outer = recording('outer', log)
    const inner = recording('inner', log)
    const turning = behavior<Message, null>({
      initial: () => null,
      receive: () => become(intercept(counter, inner)),
    })
    const actor = stage.spawn(intercept(turning, outer, inner))
    actor.tell({ type: 'add', by: 1 })
    await settle()
    log.length = 0
    expect(await actor.ask(read)).toBe(0)
    expect(log.filter(line => line.includes('read'))).toEqual([
      expect.stringMatching(/^outer/),
      expect.stringMatching(/^inner/),
    ])
  })

  test('that is none leaves the behavior as it is', () => {
    expect(intercept(counter)).toBe(counter)
  })
})

describe('the interceptors of a system', () => {
  test('stand around every behavior of users, outside its own, and around no supervisor', async () => {
    const log: string[] = []
    const seen: unknown[] = []
    const everywhere: Interceptor = (state, message, context, next) => {
      seen.push(message)
      log.push(`system ${context.name}`)
      return next(state, message, context)
    }
    await using stage = new Stage({ interceptors: [everywhere] })
    const actor = stage.spawn(intercept(counter, recording('own', log)), 'counter')
    actor.tell({ type: 'add', by: 1 })
    const top = stage.spawn(supervisor({ children: [{ id: 'child', start: counter }] }), 'top')
    await settle()
    expect(log).toEqual(['system counter', 'own add counter', 'own done'])
    const [child] = stage.system.inspect().find(info => info.name === 'top')?.children ?? []
    expect(child).toMatchObject({ path: '/test/top/child', state: 'up' })
    // A restart passes through the supervisor's own mailbox.
    ;(await supervisorControl(top).whichChildren())[0]?.ref?.tell({ type: 'add', by: -1 } as never)
    await settle()
    expect(stage.system.inspect().find(info => info.name === 'top')?.children).toMatchObject([{ restarts: 1 }])
    expect(seen).toEqual([
      { type: 'add', by: 1 },
      { type: 'add', by: -1 },
    ])
  })
})

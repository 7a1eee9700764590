import { type ActorRef, become, behavior, ignore, type ReplyTo, stopped } from 'troupe'
import { runBehavior, runBehaviorAsync } from 'troupe/testkit'
import { describe, expect, test } from 'vitest'

type OrderMessage =
  | { readonly type: 'place'; readonly item: string; readonly replyTo: ReplyTo<string> }
  | { readonly type: 'reminder' }
  | { readonly type: 'close' }
  | { readonly type: 'crash' }

const worker = behavior<string, null>({ initial: () => null, receive: state => state })

const orders = behavior<OrderMessage, readonly string[]>({
  initial: context => {
    context.timers.start('reminder', { type: 'reminder' }, { afterMs: 1_000 })
    return []
  },
  receive: (items, message, context) => {
    switch (message.type) {
      case 'place': {
        const ref = context.spawn(worker, { name: message.item })
        context.watch(ref as ActorRef<never>)
        ref.tell(`pack ${message.item}`)
        context.tell(message.replyTo, 'placed')
        return [...items, message.item]
      }
      case 'reminder':
        context.log.log('info', `${items.length} orders`)
        return items
      case 'close':
        return stopped()
      case 'crash':
        throw new Error('on purpose')
    }
  },
  onSignal: (items, signal) => (signal.type === 'terminated' ? items.slice(1) : items),
  onStop: (_items, reason, context) => context.log.log('info', `closed: ${reason.type}`),
})

describe('a behavior on its own', () => {
  test('handles a message at once; state and effects are there to be read, in order', () => {
    const run = runBehavior(orders)
    const replyTo = run.ref<string>('/test/customer')
    const effects = run.tell({ type: 'place', item: 'tea', replyTo })
    expect(run.state).toEqual(['tea'])
    expect(effects).toEqual([
      { type: 'spawned', name: 'tea', behavior: worker },
      { type: 'watched', ref: '/test/actor/tea' },
      { type: 'told', to: '/test/actor/tea', message: 'pack tea' },
      { type: 'told', to: '/test/customer', message: 'placed' },
    ])
    expect(run.effects[0]).toEqual({
      type: 'timer-started',
      key: 'reminder',
      message: { type: 'reminder' },
      times: { afterMs: 1_000 },
    })
  })

  test('handles its timers as the test lets time pass', () => {
    const run = runBehavior(orders)
    run.advance(999)
    expect(run.log.texts('info')).toEqual([])
    run.advance(1)
    expect(run.log.texts('info')).toEqual(['0 orders'])
  })

  test('handles signals', () => {
    const run = runBehavior(orders)
    run.tell({ type: 'place', item: 'tea', replyTo: run.ref('/c') })
    run.signal({ type: 'terminated', ref: run.child('tea') as ActorRef<never>, reason: { type: 'normal' } })
    expect(run.state).toEqual([])
    expect(() => run.child('coffee')).toThrow('has spawned no child coffee')
  })

  test('ends as it wishes, with its stop hook; then there is nothing more to tell', () => {
    const run = runBehavior(orders)
    expect(run.tell({ type: 'close' })).toEqual([{ type: 'stopped', reason: { type: 'normal' } }])
    expect(run.log.texts('info')).toEqual(['closed: normal'])
    expect(run.ended).toEqual({ type: 'normal' })
    expect(run.state).toBeUndefined()
    expect(() => run.tell({ type: 'close' })).toThrow(expect.objectContaining({ code: 'ACTOR_STOPPED' }))
    // Its timers have ended with it.
    expect(run.clock.pending).toBe(0)
  })

  test('is stopped by the test, with its stop hook', () => {
    const run = runBehavior(orders)
    run.stop()
    expect(run.log.texts('info')).toEqual(['closed: shutdown'])
  })

  test('throws what a handler throws, and has crashed', () => {
    const run = runBehavior(orders)
    expect(() => run.tell({ type: 'crash' })).toThrow('on purpose')
    expect(run.ended).toMatchObject({ type: 'error', error: { message: 'on purpose' } })
    expect(() => run.tell({ type: 'close' })).toThrow(expect.objectContaining({ code: 'ACTOR_STOPPED' }))
  })

  test('becomes another behavior', () => {
    const second = behavior<string, string[]>({ initial: () => ['new'], receive: (all, text) => [...all, text] })
    const run = runBehavior(behavior<string, null>({ initial: () => null, receive: () => become(second) }))
    expect(run.tell('x')).toEqual([{ type: 'became', behavior: second }])
    run.tell('y')
    expect(run.state).toEqual(['new', 'y'])
  })

  test('may ignore its start', () => {
    const run = runBehavior(behavior<never, null>({ initial: () => ignore, receive: state => state }))
    expect(run.ended).toEqual({ type: 'normal' })
  })

  test('freezes its messages', () => {
    const run = runBehavior(
      behavior<{ list: number[] }, null>({
        initial: () => null,
        receive: (state, { list }) => {
          list.push(1)
          return state
        },
      }),
    )
    expect(() => run.tell({ list: [] })).toThrow(TypeError)
  })

  test('asks, and goes on when the test answers', async () => {
    const run = await runBehaviorAsync(
      behavior<ActorRef<{ readonly replyTo: ReplyTo<number> }>, number>({
        initial: async () => 0,
        receive: async (sum, other, context) =>
          sum + (await context.ask(other, replyTo => ({ replyTo }), { timeoutMs: 5 })),
      }),
    )
    const handling = run.tellAsync(run.ref('/test/other'))
    const asked = run.effects[0]
    if (asked?.type !== 'asked') throw new Error('it has not asked')
    expect(asked).toMatchObject({ to: '/test/other', timeoutMs: 5 })
    asked.answer(42)
    await handling
    expect(run.state).toBe(42)
    const failing = run.tellAsync(run.ref('/test/other'))
    const again = run.effects[1]
    if (again?.type !== 'asked') throw new Error('it has not asked')
    again.fail(new Error('nobody there'))
    await expect(failing).rejects.toThrow('nobody there')
  })

  test('says so where an async handler is run as one that is not', () => {
    const slow = behavior<string, null>({ initial: () => null, receive: async state => state })
    expect(() => runBehavior(slow).tell('x')).toThrow(/async: await the call that ends in Async/)
    const slowStart = behavior<string, null>({ initial: async () => null, receive: state => state })
    expect(() => runBehavior(slowStart)).toThrow(TypeError)
  })

  test('records the rest of what a context can do', async () => {
    const run = runBehavior(
      behavior<'go' | 'piped', null>({
        initial: () => null,
        stash: { capacity: 1 },
        receive: (state, message, context) => {
          if (message === 'piped') return state
          const friend = context.spawn(worker)
          context.link(friend as ActorRef<never>)
          context.unlink(friend as ActorRef<never>)
          context.unwatch(friend as ActorRef<never>)
          context.setReceiveTimeout(50, 'piped')
          context.stash()
          context.unstashAll()
          context.pipeToSelf(Promise.resolve(1), () => 'piped')
          context.timers.start('t', 'piped', { everyMs: 10 })
          context.timers.cancel('t')
          context.fail(new Error('later'))
          void friend.stop()
          friend.kill()
          return state
        },
      }),
    )
    expect(run.tell('go').map(effect => effect.type)).toEqual([
      'spawned',
      'linked',
      'unlinked',
      'unwatched',
      'receive-timeout-set',
      'stashed',
      'unstashed',
      'piped',
      'timer-started',
      'timer-cancelled',
      'failed',
      'stop-requested',
      'kill-requested',
    ])
    await null
    await null
    expect(run.effects.at(-1)).toEqual({ type: 'told', to: '/test/actor', message: 'piped' })
  })

  test('sends its receive timeout after each quiet time, counted from the last message', () => {
    const seen: string[] = []
    const run = runBehavior(
      behavior<string, null>({
        initial: context => {
          context.setReceiveTimeout(50, 'quiet')
          return null
        },
        receive: (state, message, context) => {
          seen.push(`${message}@${context.clock.monotonicMs()}`)
          return state
        },
      }),
    )
    run.advance(40)
    run.tell('a')
    run.advance(100)
    expect(seen).toEqual(['a@40', 'quiet@90', 'quiet@140'])
  })
})

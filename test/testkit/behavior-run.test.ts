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

  const stashing = (capacity: number | null) =>
    behavior<unknown, null>({
      initial: () => null,
      ...(capacity === null ? {} : { stash: { capacity } }),
      receive: (state, message, context) => {
        if (message === 'open') context.unstashAll()
        else context.stash()
        if (message === 'twice') context.stash()
        return state
      },
      onSignal: (state, _signal, context) => {
        context.stash()
        return state
      },
    })

  test('has the stash that its behavior has, and no other', () => {
    const run = runBehavior(stashing(2))
    expect([undefined, 2, 3].map(message => run.tell(message)[0])).toEqual([
      { type: 'stashed', message: undefined },
      { type: 'stashed', message: 2 },
      { type: 'dead-letter', message: 3, reason: 'stash-full' },
    ])
    run.tell('open')
    expect(run.tell(4)).toEqual([{ type: 'stashed', message: 4 }])
    const misused = expect.objectContaining({ code: 'STASH_MISUSED' })
    expect(() => run.tell('twice')).toThrow(misused)
    expect(() => runBehavior(stashing(null)).tell(1)).toThrow(misused)
    const signalled = runBehavior(stashing(2))
    const ref = signalled.ref('/test/other') as ActorRef<never>
    signalled.tell(1)
    expect(() => signalled.signal({ type: 'terminated', ref, reason: { type: 'normal' } })).toThrow(misused)
  })

  test('waits for whatever acts like a promise', async () => {
    const thenable = (value: number): PromiseLike<number> =>
      ({ then: done => Promise.resolve(value).then(done) }) as PromiseLike<number>
    const acting = behavior<number, number>({ initial: () => 0, receive: (_, value) => thenable(value) as never })
    expect(() => runBehavior(acting).tell(7)).toThrow(/async: await the call that ends in Async/)
    const run = await runBehaviorAsync(acting)
    await run.tellAsync(7)
    expect(run.state).toBe(7)
  })

  test('is over once its handler has called fail, and takes no outcome of an async one', async () => {
    const failing = behavior<'now' | 'later' | 'pipe' | 'stop', number>({
      initial: () => 0,
      receive: (count, message, context) => {
        if (message === 'pipe') {
          context.pipeToSelf(Promise.resolve(1), () => {
            throw new Error('no message')
          })
          return count
        }
        context.fail(new Error('on purpose'))
        if (message === 'stop') return stopped()
        return message === 'now' ? count + 1 : Promise.resolve(count + 1)
      },
      onStop: (_count, reason, context) => context.log.log('info', `closed: ${reason.type}`),
    })
    const run = runBehavior(failing)
    expect(run.tell('now').map(effect => effect.type)).toEqual(['failed'])
    expect(run.ended).toMatchObject({ type: 'error', error: { message: 'on purpose' } })
    expect(run.state).toBeUndefined()
    expect(() => run.tell('now')).toThrow(expect.objectContaining({ code: 'ACTOR_STOPPED' }))
    expect(run.log.lines).toEqual([])

    const slow = runBehavior(failing)
    const handling = slow.tellAsync('later')
    expect(slow.ended).toMatchObject({ type: 'error' })
    await handling
    expect(slow.state).toBeUndefined()

    // What the handler gives comes first, as in a system.
    const stopping = runBehavior(failing)
    stopping.tell('stop')
    expect([stopping.ended, stopping.log.texts('info')]).toEqual([{ type: 'normal' }, ['closed: normal']])

    const piping = runBehavior(failing)
    piping.tell('pipe')
    await null
    await null
    expect(piping.ended).toMatchObject({ type: 'error', error: { message: 'no message' } })
  })
})

describe('a handler that returns nothing', () => {
  const forgetful = behavior<string, number>({
    initial: () => 0,
    receive: (() => undefined) as unknown as (state: number) => number,
  })

  test('crashes its incarnation, as in a system', () => {
    const run = runBehavior(forgetful, { path: '/test/forgetful' })
    expect(() => run.tell('hello')).toThrow(
      expect.objectContaining({ code: 'BEHAVIOR_INVALID', message: expect.stringMatching(/^\/test\/forgetful: /) }),
    )
    expect(run.ended).toMatchObject({ type: 'error', error: { code: 'BEHAVIOR_INVALID' } })
    expect(run.state).toBe(undefined)
  })

  test('and so does an async one', async () => {
    const receive = (async () => undefined) as unknown as () => Promise<number>
    const run = await runBehaviorAsync(behavior<string, number>({ initial: () => 0, receive }))
    await expect(run.tellAsync('hello')).rejects.toThrow(expect.objectContaining({ code: 'BEHAVIOR_INVALID' }))
    expect(run.ended).toMatchObject({ type: 'error', error: { code: 'BEHAVIOR_INVALID' } })
  })

  test('goes on where nothing is a state: what the behavior, or the one that it became, began with', () => {
    const none = behavior<string, undefined>({ initial: () => undefined, receive: () => undefined })
    const run = runBehavior(none)
    run.tell('hello')
    expect(run.ended).toBe(null)
    const becoming = runBehavior(behavior<string, number>({ initial: () => 0, receive: () => become(none) }))
    becoming.tell('become')
    becoming.tell('hello')
    expect(becoming.ended).toBe(null)
  })
})

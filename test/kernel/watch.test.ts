import { describe, expect, test } from 'vitest'
import { type Behavior, behavior } from '../../src/kernel/behavior.ts'
import type { ActorContext, ActorRef, ExitReason, Signal } from '../../src/kernel/types.ts'
import { gate, hold, Stage, settle } from './support.ts'

const leaf = behavior<string, null>({
  initial: () => null,
  receive: (state, message) => {
    if (message === 'crash') throw new Error('crash')
    return state
  },
})

/** Watches what it is told to, and records its signals. */
type Order =
  | { readonly watch: ActorRef<never> }
  | { readonly unwatch: ActorRef<never> }
  | { readonly wait: Promise<void> }

const watcher = (signals: Signal[]): Behavior<Order> =>
  behavior<Order, null>({
    initial: () => null,
    receive: (state, order, context) => {
      if ('watch' in order) context.watch(order.watch)
      else if ('unwatch' in order) context.unwatch(order.unwatch)
      else return order.wait.then(() => state)
      return state
    },
    onSignal: (state, signal) => {
      signals.push(signal)
      return state
    },
  })

describe('watch', () => {
  test('gives one `terminated` signal with the reason, however the actor ended', async () => {
    await using stage = new Stage()
    const ends: [(actor: ActorRef<string>) => void, ExitReason['type']][] = [
      [actor => void actor.stop(), 'shutdown'],
      [actor => void actor.drain(), 'normal'],
      [actor => actor.kill(), 'killed'],
      [actor => actor.tell('crash'), 'error'],
    ]
    for (const [end, type] of ends) {
      const signals: Signal[] = []
      const actor = stage.spawn(leaf)
      const watching = stage.spawn(watcher(signals))
      watching.tell({ watch: actor })
      watching.tell({ watch: actor })
      await settle()
      expect(signals).toEqual([])
      end(actor)
      await settle()
      await actor.stop()
      await settle()
      expect(signals).toMatchObject([{ type: 'terminated', ref: actor, reason: { type } }])
    }
  })

  test('of an actor that has ended already gives the one signal too', async () => {
    await using stage = new Stage()
    const signals: Signal[] = []
    const actor = stage.spawn(leaf)
    await actor.stop()
    const watching = stage.spawn(watcher(signals))
    const door = gate()
    watching.tell({ watch: actor })
    await settle()
    expect(signals).toMatchObject([{ type: 'terminated', ref: actor }])
    watching.tell({ wait: door.opened })
    door.open()
    await settle()
    expect(signals).toHaveLength(1)
  })

  test('asked for twice, before and after the end, gives one signal', async () => {
    await using stage = new Stage()
    const signals: Signal[] = []
    const actor = stage.spawn(leaf)
    await settle()
    const watching = stage.spawn(
      behavior<string, null>({
        initial: () => null,
        receive: (state, _message, context) => {
          context.watch(actor)
          actor.kill()
          context.watch(actor)
          context.watch(actor)
          return state
        },
        onSignal: (state, signal) => {
          signals.push(signal)
          return state
        },
      }),
    )
    watching.tell('go')
    await settle()
    expect(signals).toHaveLength(1)
  })

  test('gives nothing after `unwatch`, also when the signal was on its way', async () => {
    await using stage = new Stage()
    const signals: Signal[] = []
    const [early, late] = [stage.spawn(leaf), stage.spawn(leaf)]
    const watching = stage.spawn(
      behavior<string, null>({
        initial: context => {
          context.watch(early)
          context.watch(late)
          return null
        },
        receive: (state, _message, context) => {
          context.unwatch(early)
          late.kill()
          context.unwatch(late)
          context.unwatch(late)
          return state
        },
        onSignal: (state, signal) => {
          signals.push(signal)
          return state
        },
      }),
    )
    watching.tell('go')
    await settle()
    early.kill()
    await settle()
    expect(signals).toEqual([])
  })

  test('of a restarted actor waits for its end for good', async () => {
    await using stage = new Stage()
    const signals: Signal[] = []
    const { child, exits, holder } = await hold(stage, leaf as Behavior<never>)
    stage.spawn(watcher(signals)).tell({ watch: child as unknown as ActorRef<never> })
    await settle()
    child.tell('crash')
    await settle()
    expect(exits).toHaveLength(1)
    expect(signals).toEqual([])
    await holder.stop()
    await settle()
    expect(signals).toMatchObject([{ type: 'terminated', ref: child }])
  })

  test('ends with the incarnation that asked for it', async () => {
    await using stage = new Stage()
    const signals: Signal[] = []
    const target = stage.spawn(leaf)
    const { child } = await hold(
      stage,
      behavior<string, null>({
        initial: () => null,
        receive: (state, message, context) => {
          if (message === 'crash') throw new Error('crash')
          context.watch(target)
          return state
        },
        onSignal: (state, signal) => {
          signals.push(signal)
          return state
        },
      }) as Behavior<never>,
    )
    child.tell('watch')
    child.tell('crash')
    await settle()
    target.kill()
    await settle()
    expect(signals).toEqual([])
  })

  test('of itself or of each other hinders no end', async () => {
    await using stage = new Stage()
    const refs: ActorRef<string>[] = []
    const mutual = behavior<string, null>({
      initial: context => {
        context.watch(context.self)
        for (const ref of refs) context.watch(ref)
        return null
      },
      receive: state => state,
      onSignal: state => state,
    })
    for (let i = 0; i < 3; i++) refs.push(stage.spawn(mutual))
    await settle()
    await Promise.all(refs.map(ref => ref.stop()))
  })

  test('by a revoked context does nothing', async () => {
    await using stage = new Stage()
    let old: ActorContext<string> | undefined
    const signals: Signal[] = []
    const target = stage.spawn(leaf)
    const { child } = await hold(
      stage,
      behavior<string, null>({
        initial: context => {
          old ??= context
          return null
        },
        receive: () => {
          throw new Error('crash')
        },
        onSignal: (state, signal) => {
          signals.push(signal)
          return state
        },
      }) as Behavior<never>,
    )
    child.tell('crash')
    await settle()
    old?.watch(target)
    target.kill()
    await settle()
    expect(signals).toEqual([])
  })

  test('costs the watched actor nothing once a watcher has gone', async () => {
    await using stage = new Stage()
    const target = stage.spawn(leaf)
    for (let i = 0; i < 10; i++) {
      const watching = stage.spawn(watcher([]))
      watching.tell({ watch: target })
      await settle()
      await watching.stop()
    }
    expect((target as unknown as { rare: { watchers: Set<unknown> } }).rare.watchers.size).toBe(0)
  })
})

describe('a parent', () => {
  test('is told of each child that ends unasked or asked, with its reason', async () => {
    await using stage = new Stage()
    const signals: Signal[] = []
    const children: ActorRef<string>[] = []
    stage.spawn(
      behavior<string, null>({
        initial: context => {
          for (let i = 0; i < 3; i++) children.push(context.spawn(leaf))
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
    children[0]?.tell('crash')
    await settle()
    children[1]?.kill()
    await settle()
    await children[2]?.stop()
    await settle()
    expect(signals).toMatchObject([
      { type: 'child-terminated', ref: children[0], reason: { type: 'error', error: { message: 'crash' } } },
      { type: 'child-terminated', ref: children[1], reason: { type: 'killed' } },
      { type: 'child-terminated', ref: children[2], reason: { type: 'shutdown' } },
    ])
  })

  test('is told of a child that failed to start', async () => {
    await using stage = new Stage()
    const signals: Signal[] = []
    stage.spawn(
      behavior<string, null>({
        initial: context => {
          context.spawn(
            behavior<string, null>({
              initial: () => {
                throw new Error('no')
              },
              receive: state => state,
            }),
          )
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
    expect(signals).toMatchObject([{ type: 'child-terminated', reason: { type: 'error', error: { message: 'no' } } }])
  })

  test('may answer a signal with a new state, async too, and no message is handled meanwhile', async () => {
    await using stage = new Stage()
    const seen: unknown[] = []
    const door = gate()
    let child: ActorRef<string> | undefined
    const parent = stage.spawn(
      behavior<string, string>({
        initial: context => {
          child = context.spawn(leaf)
          return 'before'
        },
        receive: (state, message) => {
          seen.push([state, message])
          return state
        },
        onSignal: async () => {
          await door.opened
          return 'after'
        },
      }),
    )
    await settle()
    child?.kill()
    await settle()
    parent.tell('x')
    await settle()
    expect(seen).toEqual([])
    door.open()
    await settle()
    expect(seen).toEqual([['after', 'x']])
  })

  test('that does not ask to be told goes on when a child crashes', async () => {
    await using stage = new Stage()
    let child: ActorRef<string> | undefined
    const seen: string[] = []
    const parent = stage.spawn(
      behavior<string, null>({
        initial: context => {
          child = context.spawn(leaf)
          return null
        },
        receive: (state, message) => {
          seen.push(message)
          return state
        },
      }),
    )
    await settle()
    child?.tell('crash')
    await settle()
    parent.tell('alive')
    await settle()
    expect(seen).toEqual(['alive'])
  })
})

import { describe, expect, test } from 'vitest'
import { type Behavior, behavior, stopped } from '../../src/kernel/behavior.ts'
import type { ActorContext, ActorRef, ExitReason } from '../../src/kernel/types.ts'
import { gate, rejection, Stage, settle, VirtualStage } from './support.ts'

/** Records what it handles and how it ends; `wait` blocks its handler. */
const recorder = (seen: unknown[], door = gate()): Behavior<string> =>
  behavior<string, null>({
    initial: () => null,
    receive: async (state, message) => {
      if (message === 'wait') await door.opened
      seen.push(message)
      return state
    },
    onStop: (_state, reason) => {
      seen.push(reason)
    },
  })

const shutdown: ExitReason = { type: 'shutdown' }

describe('stop', () => {
  test('finishes the handler in flight, then runs the stop hook; what is queued becomes dead letters', async () => {
    await using stage = new Stage()
    const seen: unknown[] = []
    const door = gate()
    const actor = stage.spawn(recorder(seen, door))
    for (const message of ['first', 'wait', 'queued']) actor.tell(message)
    await settle()
    const ended = actor.stop()
    actor.tell('after the stop')
    await settle()
    expect(seen).toEqual(['first'])
    door.open()
    await ended
    expect(seen).toEqual(['first', 'wait', shutdown])
    expect(stage.letters).toMatchObject([
      { message: 'after the stop', recipient: actor.path, reason: 'stopped' },
      { message: 'queued', recipient: actor.path, reason: 'stopped' },
    ])
  })

  test('resolves once the actor has ended, however often and whenever it is called', async () => {
    await using stage = new Stage()
    const seen: unknown[] = []
    const actor = stage.spawn(recorder(seen))
    await settle()
    await Promise.all([actor.stop(), actor.stop(), actor.drain(), actor.stop({ shutdownMs: 'infinity' })])
    await actor.stop()
    await actor.drain()
    expect(seen).toEqual([shutdown])
  })

  test('of an actor that has not started yet starts nothing', async () => {
    await using stage = new Stage()
    const seen: unknown[] = []
    const actor = stage.spawn(
      behavior<string, null>({
        initial: () => {
          seen.push('initial')
          return null
        },
        receive: state => state,
      }),
    )
    actor.tell('queued')
    await actor.stop()
    expect(seen).toEqual([])
    expect(stage.letters).toMatchObject([{ message: 'queued', reason: 'stopped' }])
  })

  test('of an actor that is starting waits for its start and runs its stop hook', async () => {
    await using stage = new Stage()
    const door = gate()
    const seen: unknown[] = []
    const actor = stage.spawn(
      behavior<string, string>({
        initial: async () => {
          await door.opened
          return 'state'
        },
        receive: state => state,
        onStop: (state, reason) => {
          seen.push(state, reason)
        },
      }),
    )
    await settle()
    const ended = actor.stop()
    await settle()
    door.open()
    await ended
    expect(seen).toEqual(['state', shutdown])
  })

  test('waits for an async stop hook', async () => {
    await using stage = new Stage()
    const door = gate()
    const actor = stage.spawn(
      behavior<string, null>({ initial: () => null, receive: state => state, onStop: () => door.opened }),
    )
    await settle()
    let ended = false
    const stop = actor.stop().then(() => {
      ended = true
    })
    await settle()
    expect(ended).toBe(false)
    door.open()
    await stop
    expect(ended).toBe(true)
  })

  test('kills after `shutdownMs`, which is 5,000 unless given', async () => {
    await using stage = new VirtualStage()
    for (const shutdownMs of [undefined, 100]) {
      const seen: unknown[] = []
      const actor = stage.spawn(recorder(seen))
      actor.tell('wait')
      await settle()
      let ended = false
      const stop = actor.stop(shutdownMs === undefined ? {} : { shutdownMs }).then(() => {
        ended = true
      })
      stage.clock.advance((shutdownMs ?? 5_000) - 1)
      await settle()
      expect(ended).toBe(false)
      stage.clock.advance(1)
      await stop
      expect(seen).toEqual([])
    }
    expect(stage.clock.pending).toBe(0)
  })

  test('kills a stop hook that takes longer than `shutdownMs`', async () => {
    await using stage = new VirtualStage()
    let hookContext: ActorContext<string> | undefined
    const actor = stage.spawn(
      behavior<string, null>({
        initial: () => null,
        receive: state => state,
        onStop: (_state, _reason, context) => {
          hookContext = context
          return new Promise(() => undefined)
        },
      }),
    )
    await settle()
    const stop = actor.stop({ shutdownMs: 10 })
    await settle()
    stage.clock.advance(10)
    await stop
    expect(() => hookContext?.spawn(recorder([]))).toThrow(expect.objectContaining({ code: 'ACTOR_STOPPED' }))
  })

  test('ends by the earliest of several limits', async () => {
    await using stage = new VirtualStage()
    const actor = stage.spawn(recorder([]))
    actor.tell('wait')
    await settle()
    const stops = [
      actor.stop({ shutdownMs: 100 }),
      actor.stop({ shutdownMs: 5_000 }),
      actor.stop({ shutdownMs: 'infinity' }),
    ]
    stage.clock.advance(100)
    await Promise.all(stops)
    expect(stage.clock.pending).toBe(0)
  })

  test('with `brutal-kill` ends at once, without the stop hook', async () => {
    await using stage = new Stage()
    const seen: unknown[] = []
    const actor = stage.spawn(recorder(seen))
    actor.tell('wait')
    await settle()
    await actor.stop({ shutdownMs: 'brutal-kill' })
    expect(seen).toEqual([])
  })

  test('with `infinity` takes as long as it takes', async () => {
    await using stage = new VirtualStage()
    const door = gate()
    const seen: unknown[] = []
    const actor = stage.spawn(recorder(seen, door))
    actor.tell('wait')
    await settle()
    const stop = actor.stop({ shutdownMs: 'infinity' })
    expect(stage.clock.pending).toBe(0)
    stage.clock.advance(1e9)
    await settle()
    door.open()
    await stop
    expect(seen).toEqual(['wait', shutdown])
  })
})

describe('drain', () => {
  test('handles everything that is queued first; what comes later is a dead letter', async () => {
    await using stage = new Stage()
    const seen: unknown[] = []
    const actor = stage.spawn(recorder(seen))
    for (const message of ['a', 'b', 'c']) actor.tell(message)
    const drained = actor.drain()
    actor.tell('late')
    expect(await rejection(actor.offer('late offer'))).toMatchObject({ code: 'ACTOR_STOPPED' })
    expect(await rejection(actor.ask(() => 'late ask'))).toMatchObject({ code: 'ACTOR_STOPPED' })
    await drained
    expect(seen).toEqual(['a', 'b', 'c', { type: 'normal' }])
    expect(stage.letters).toMatchObject([{ message: 'late', reason: 'stopped' }])
  })

  test('of an idle actor ends it now', async () => {
    await using stage = new Stage()
    const seen: unknown[] = []
    const actor = stage.spawn(recorder(seen))
    await settle()
    await actor.drain()
    expect(seen).toEqual([{ type: 'normal' }])
  })

  test('is cut short by a stop, and by its own limit', async () => {
    await using stage = new VirtualStage()
    const door = gate()
    const seen: unknown[] = []
    const actor = stage.spawn(recorder(seen, door))
    for (const message of ['wait', 'b']) actor.tell(message)
    await settle()
    const ends = [actor.drain(), actor.stop()]
    door.open()
    await Promise.all(ends)
    expect(seen).toEqual(['wait', shutdown])
    const stuck = stage.spawn(recorder(seen))
    stuck.tell('wait')
    await settle()
    const drained = stuck.drain({ shutdownMs: 50 })
    stage.clock.advance(50)
    await drained
  })
})

describe('an actor that ends by itself', () => {
  const selfish = (end: (context: ActorContext<string>) => void, seen: unknown[]): Behavior<string> =>
    behavior<string, null>({
      initial: () => null,
      receive: (state, message, context) => {
        seen.push(message)
        if (message === 'end') {
          end(context)
          seen.push('handler done')
        }
        return state
      },
      onStop: (_state, reason) => {
        seen.push(reason)
      },
    })

  test('by stopping finishes its handler, then ends', async () => {
    await using stage = new Stage()
    const seen: unknown[] = []
    const actor = stage.spawn(selfish(context => void context.self.stop(), seen))
    for (const message of ['end', 'never']) actor.tell(message)
    await settle()
    expect(seen).toEqual(['end', 'handler done', shutdown])
    expect(stage.reasons()).toEqual(['stopped'])
  })

  test('by killing itself ends at once: no stop hook, and the rest of the handler counts no more', async () => {
    await using stage = new Stage()
    const seen: unknown[] = []
    const actor = stage.spawn(
      selfish(context => {
        context.self.kill()
        context.self.kill()
        context.tell(context.self, 'from the dead')
        expect(() => context.spawn(recorder([]))).toThrow(expect.objectContaining({ code: 'ACTOR_STOPPED' }))
      }, seen),
    )
    for (const message of ['end', 'never']) actor.tell(message)
    await settle()
    expect(seen).toEqual(['end', 'handler done'])
    expect(stage.letters).toMatchObject([
      { message: 'never', reason: 'stopped' },
      { message: 'from the dead', reason: 'killed' },
    ])
  })

  test('by ending its parent, softly or by force, leaves nothing behind', async () => {
    for (const how of ['stop', 'kill'] as const) {
      await using stage = new Stage()
      const seen: unknown[] = []
      let child: ActorRef<string> | undefined
      const parent = stage.spawn(
        behavior<string, null>({
          initial: context => {
            child = context.spawn(selfish(() => void parent[how](), seen))
            return null
          },
          receive: state => state,
        }),
        'parent',
      )
      await settle()
      child?.tell('end')
      if (how === 'kill') child?.tell('never')
      await settle()
      expect(seen).toEqual(how === 'stop' ? ['end', 'handler done', shutdown] : ['end', 'handler done'])
      stage.spawn(recorder([]), 'parent')
    }
  })
})

describe('a tree', () => {
  const tree = (seen: string[], depth: number, fan: number): Behavior<string> =>
    behavior<string, null>({
      initial: context => {
        if (depth > 0) for (let i = 0; i < fan; i++) context.spawn(tree(seen, depth - 1, fan), { name: `${i}` })
        return null
      },
      receive: state => state,
      onStop: async (_state, _reason, context) => {
        await settle()
        seen.push(context.path)
      },
    })

  test('stops children before parents, and siblings in reverse order of their start', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const root = stage.spawn(tree(seen, 2, 2), 'r')
    await settle()
    await root.stop()
    expect(seen).toEqual([
      '/test/r/1/1',
      '/test/r/1/0',
      '/test/r/1',
      '/test/r/0/1',
      '/test/r/0/0',
      '/test/r/0',
      '/test/r',
    ])
  })

  test('is stopped by a crash of its root as well', async () => {
    await using stage = new Stage()
    const seen: unknown[] = []
    const root = stage.spawn(
      behavior<string, null>({
        initial: context => {
          context.spawn(recorder(seen))
          return null
        },
        receive: () => {
          throw new Error('crash')
        },
        onStop: (_state, reason) => {
          seen.push(reason)
        },
      }),
    )
    await settle()
    root.tell('crash')
    await settle()
    expect(seen).toMatchObject([shutdown, { type: 'error', error: { message: 'crash' } }])
  })

  test('loses no branch when one child ends while another is being stopped', async () => {
    await using stage = new Stage()
    const seen: unknown[] = []
    const root = stage.spawn(
      behavior<string, null>({
        initial: context => {
          const brother = context.spawn(recorder(seen), { name: 'brother' })
          context.spawn(
            behavior<string, null>({
              initial: () => null,
              receive: state => state,
              onStop: () => {
                seen.push('sister')
                brother.kill()
              },
            }),
          )
          return null
        },
        receive: state => state,
        onStop: () => {
          seen.push('root')
        },
      }),
    )
    await settle()
    await root.stop()
    expect(seen).toEqual(['sister', 'root'])
  })

  test('takes no new child while it ends: spawning throws ACTOR_STOPPED', async () => {
    await using stage = new Stage()
    let thrown: unknown
    const actor = stage.spawn(
      behavior<string, null>({
        initial: () => null,
        receive: () => stopped(),
        onStop: (_state, _reason, context) => {
          try {
            context.spawn(recorder([]))
          } catch (error) {
            thrown = error
          }
        },
      }),
    )
    actor.tell('end')
    await settle()
    await actor.stop()
    expect(thrown).toMatchObject({ code: 'ACTOR_STOPPED' })
  })

  test('of 20,000 levels stops and is killed without exhausting the stack', { timeout: 60_000 }, async () => {
    await using stage = new Stage()
    for (const how of ['stop', 'kill'] as const) {
      let deepest: ActorRef<never> | undefined
      const nest = (depth: number): Behavior<string> =>
        behavior<string, null>({
          initial: context => {
            if (depth > 0) deepest = context.spawn(nest(depth - 1))
            return null
          },
          receive: state => state,
        })
      const root = stage.spawn(nest(20_000))
      for (let before: unknown = null; before !== deepest; ) {
        before = deepest
        await settle()
      }
      expect(deepest?.path.split('/')).toHaveLength(20_003)
      const leaf = deepest as unknown as ActorRef<string>
      if (how === 'stop') await root.stop({ shutdownMs: 'infinity' })
      else root.kill()
      const before = stage.letters.length
      leaf.tell('anybody?')
      expect(stage.letters.length).toBe(before + 1)
    }
  })

  test('of many siblings stops in time proportional to their number', { timeout: 60_000 }, async () => {
    await using stage = new Stage()
    const stopMs = async (count: number): Promise<number> => {
      let stops = 0
      const leaf = behavior<string, null>({
        initial: () => null,
        receive: state => state,
        onStop: () => {
          stops++
        },
      })
      const root = stage.spawn(
        behavior<string, null>({
          initial: context => {
            for (let i = 0; i < count; i++) context.spawn(leaf, { name: `n${i}` })
            return null
          },
          receive: state => state,
        }),
      )
      await root.ask(() => 'started', { timeoutMs: 1 }).catch(() => undefined)
      await settle()
      const startMs = performance.now()
      await root.stop({ shutdownMs: 'infinity' })
      expect(stops).toBe(count)
      return performance.now() - startMs
    }
    await stopMs(2_000)
    const small = await stopMs(2_000)
    const large = await stopMs(40_000)
    // Twenty times as many: quadratic work would take 400 times as long.
    expect(large / small).toBeLessThan(120)
  })
})

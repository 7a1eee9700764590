import { describe, expect, test } from 'vitest'
import { type Behavior, behavior } from '../../src/kernel/behavior.ts'
import type { ActorContext, ActorRef } from '../../src/kernel/types.ts'
import { gate, hold, rejection, Stage, settle } from './support.ts'

const leaf = behavior<string, null>({ initial: () => null, receive: state => state })

/** Stuck in its handler until the door opens; then it does everything that it may no longer do. */
const stuck = (door: Promise<void>, target: ActorRef<string>, after: (context: ActorContext<string>) => void) =>
  behavior<string, string>({
    initial: () => 'fresh',
    receive: async (_state, _message, context) => {
      await door
      context.tell(target, 'from a killed incarnation')
      after(context)
      return 'state of a killed incarnation'
    },
    onStop: () => {
      throw new Error('a kill runs no stop hook')
    },
  })

describe('a kill', () => {
  test('ends the actor at once; what its handler still does counts for nothing', async () => {
    await using stage = new Stage()
    const door = gate()
    const seen: string[] = []
    const target = stage.spawn(
      behavior<string, null>({
        initial: () => null,
        receive: (state, message) => {
          seen.push(message)
          return state
        },
      }),
      'target',
    )
    let signal: AbortSignal | undefined
    let spawnError: unknown
    const actor = stage.spawn(
      stuck(door.opened, target, context => {
        signal = context.signal
        context.fail(new Error('nobody fails'))
        try {
          context.spawn(leaf)
        } catch (error) {
          spawnError = error
        }
      }),
      'actor',
    )
    actor.tell('go')
    actor.tell('queued')
    await settle()
    actor.kill()
    stage.spawn(leaf, 'actor')
    door.open()
    await settle()
    expect(seen).toEqual([])
    expect(signal?.aborted).toBe(true)
    expect(spawnError).toMatchObject({ code: 'ACTOR_STOPPED' })
    expect(stage.letters).toMatchObject([
      { message: 'queued', reason: 'stopped' },
      { message: 'from a killed incarnation', recipient: '/test/target', reason: 'killed' },
    ])
    expect(stage.logger.lines.filter(line => line.level === 'error')).toEqual([])
  })

  test('aborts the signal of the handler, so that what was begun with it ends', async () => {
    await using stage = new Stage()
    let aborted = false
    const actor = stage.spawn(
      behavior<string, null>({
        initial: () => null,
        receive: (state, _message, context) =>
          new Promise(resolve =>
            context.signal.addEventListener('abort', () => {
              aborted = true
              resolve(state)
            }),
          ),
      }),
    )
    actor.tell('x')
    await settle()
    actor.kill()
    expect(aborted).toBe(true)
  })

  test('of a held child leaves its mailbox to the next incarnation, which never sees the old state', async () => {
    await using stage = new Stage()
    const door = gate()
    const states: string[] = []
    const { child, exits } = await hold(
      stage,
      behavior<string, string>({
        initial: () => 'fresh',
        receive: async (state, message) => {
          states.push(`${state} ${message}`)
          if (message !== 'wait') return state
          await door.opened
          return 'stale'
        },
      }) as Behavior<never>,
    )
    child.tell('wait')
    await settle()
    child.tell('queued')
    child.kill()
    await settle()
    expect(states).toEqual(['fresh wait', 'fresh queued'])
    door.open()
    await settle()
    child.tell('last')
    await settle()
    expect(states.at(-1)).toBe('fresh last')
    expect(exits).toMatchObject([{ reason: { type: 'killed' }, incarnation: 1 }])
  })

  test('ends the whole tree, held children and those that are starting too', async () => {
    await using stage = new Stage()
    const refs: ActorRef<string>[] = []
    const starting = behavior<string, null>({
      initial: () => new Promise(() => undefined),
      receive: state => state,
    })
    const root = stage.spawn(
      behavior<string, null>({
        initial: context => {
          refs.push(context.spawn(leaf), context.spawn(starting))
          refs.push(
            context.spawn(
              behavior<string, null>({
                initial: inner => {
                  refs.push(inner.spawn(leaf))
                  return null
                },
                receive: state => state,
              }),
            ),
          )
          return null
        },
        receive: state => state,
      }),
    )
    await settle()
    const { child, holder } = await hold(stage, leaf as Behavior<never>)
    root.kill()
    holder.kill()
    for (const ref of [...refs, child as ActorRef<string>])
      expect(await rejection(ref.offer('x'))).toMatchObject({ code: 'ACTOR_STOPPED' })
    expect(refs).toHaveLength(4)
  })

  test('of an actor that has not started starts nothing', async () => {
    await using stage = new Stage()
    let starts = 0
    const actor = stage.spawn(
      behavior<string, null>({
        initial: () => {
          starts++
          return null
        },
        receive: state => state,
      }),
    )
    actor.kill()
    await settle()
    expect(starts).toBe(0)
  })
})

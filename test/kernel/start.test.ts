import { describe, expect, test } from 'vitest'
import { type Behavior, behavior } from '../../src/kernel/behavior.ts'
import { type ActorContext, ignore } from '../../src/kernel/types.ts'
import { gate, hold, rejection, Stage, settle, VirtualStage } from './support.ts'

const echo = behavior<string, null>({ initial: () => null, receive: state => state })

describe('initial', () => {
  test('that is killed while it waits leaves no timer', async () => {
    await using stage = new VirtualStage()
    const never = behavior<never, null>({ initial: () => new Promise(() => undefined), receive: state => state })
    const actor = stage.spawn(never)
    await settle()
    expect(stage.clock.pending).toBe(1)
    actor.kill()
    expect(stage.clock.pending).toBe(0)
  })

  test('runs before the first message, and once', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const actor = stage.spawn(
      behavior<string, null>({
        initial: () => {
          seen.push('initial')
          return null
        },
        receive: (state, message) => {
          seen.push(message)
          return state
        },
      }),
    )
    actor.tell('a')
    actor.tell('b')
    await settle()
    expect(seen).toEqual(['initial', 'a', 'b'])
  })

  test('does not run inside `spawn`', async () => {
    await using stage = new Stage()
    let ran = false
    stage.spawn(
      behavior<string, null>({
        initial: () => {
          ran = true
          return null
        },
        receive: state => state,
      }),
    )
    expect(ran).toBe(false)
    await settle()
    expect(ran).toBe(true)
  })

  test('may be async: messages wait until it is done, in order', async () => {
    await using stage = new Stage()
    const door = gate()
    const seen: string[] = []
    const actor = stage.spawn(
      behavior<string, null>({
        initial: async () => {
          await door.opened
          seen.push('initial')
          return null
        },
        receive: (state, message) => {
          seen.push(message)
          return state
        },
      }),
    )
    actor.tell('a')
    await settle()
    actor.tell('b')
    expect(seen).toEqual([])
    door.open()
    await settle()
    expect(seen).toEqual(['initial', 'a', 'b'])
  })

  test('that answers `ignore` ends the actor without an error or a stop hook', async () => {
    await using stage = new Stage()
    let stops = 0
    for (const initial of [(): typeof ignore => ignore, async (): Promise<typeof ignore> => ignore]) {
      const actor = stage.spawn(
        behavior<string, null>({
          initial,
          receive: state => state,
          onStop: () => {
            stops++
          },
        }),
      )
      actor.tell('nobody')
      expect(await rejection(actor.ask(() => 'nobody'))).toMatchObject({ code: 'ACTOR_STOPPED' })
      await actor.stop()
    }
    expect(stops).toBe(0)
    expect(stage.logger.lines.filter(line => line.level === 'error')).toEqual([])
    expect(stage.letters).toMatchObject([
      { message: 'nobody', reason: 'stopped' },
      { message: 'nobody', reason: 'stopped' },
    ])
  })

  test('that throws or rejects ends the actor, is logged, and frees its name', async () => {
    await using stage = new Stage()
    let stops = 0
    for (const initial of [
      (): null => {
        throw new Error('no state')
      },
      async (): Promise<null> => {
        await settle()
        throw new Error('no state')
      },
    ]) {
      const actor = stage.spawn(
        behavior<string, null>({
          initial,
          receive: state => state,
          onStop: () => {
            stops++
          },
        }),
        'same-name',
      )
      expect(await rejection(actor.ask(() => 'x'))).toMatchObject({ code: 'ACTOR_STOPPED' })
      await actor.stop()
    }
    expect(stops).toBe(0)
    expect(stage.logger.lines.filter(line => line.level === 'error')).toHaveLength(2)
    expect(stage.logger.lines.at(-1)).toMatchObject({
      text: '/test/same-name did not start, and no supervisor restarts it',
      fields: { error: { message: 'no state' } },
    })
  })

  test('that has not settled within `startTimeoutMs` ends the actor with ACTOR_START_TIMEOUT', async () => {
    await using stage = new VirtualStage()
    for (const startTimeoutMs of [undefined, 50]) {
      const actor = stage.spawn(
        behavior<string, null>({
          initial: () => new Promise<null>(() => undefined),
          receive: state => state,
          ...(startTimeoutMs === undefined ? {} : { startTimeoutMs }),
        }),
      )
      await settle()
      stage.clock.advance((startTimeoutMs ?? 30_000) - 1)
      await settle()
      expect(stage.logger.lines).toEqual([])
      stage.clock.advance(1)
      await settle()
      expect(stage.logger.lines.splice(0)).toMatchObject([{ fields: { error: { code: 'ACTOR_START_TIMEOUT' } } }])
      expect(await rejection(actor.ask(() => 'x'))).toMatchObject({ code: 'ACTOR_STOPPED' })
    }
  })

  test('that settles after its time does nothing any more, and its failure is not lost', async () => {
    await using stage = new VirtualStage()
    const door = gate()
    let late: ActorContext<string> | undefined
    stage.spawn(
      behavior<string, null>({
        initial: async context => {
          late = context
          await door.opened
          throw new Error('late failure')
        },
        receive: state => state,
        startTimeoutMs: 10,
      }),
    )
    await settle()
    stage.clock.advance(10)
    door.open()
    await settle()
    expect(() => late?.spawn(echo)).toThrow(expect.objectContaining({ code: 'ACTOR_STOPPED' }))
    expect(stage.logger.lines.map(line => line.level)).toEqual(['error', 'debug'])
  })

  test('leaves no timer behind once it is done', async () => {
    await using stage = new VirtualStage()
    stage.spawn(behavior<string, null>({ initial: async () => null, receive: state => state }))
    await settle()
    expect(stage.clock.pending).toBe(0)
  })

  test('may spawn children; a failed start ends them again', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const child = behavior<string, null>({
      initial: () => null,
      receive: (state, message) => {
        seen.push(message)
        return state
      },
      onStop: () => {
        seen.push('child stopped')
      },
    })
    stage.spawn(
      behavior<string, null>({
        initial: context => {
          context.spawn(child, { name: 'kept' }).tell('from initial')
          return null
        },
        receive: state => state,
      }),
      'good',
    )
    await settle()
    expect(seen).toEqual(['from initial'])
    const bad = stage.spawn(
      behavior<string, null>({
        initial: async context => {
          context.spawn(child)
          await settle()
          throw new Error('after the child was started')
        },
        receive: state => state,
      }),
    )
    await rejection(bad.ask(() => 'x'))
    expect(seen).toEqual(['from initial', 'child stopped'])
  })
})

describe('names and paths', () => {
  test('are as given, or `$` and a number that no sibling has', async () => {
    await using stage = new Stage()
    const named = stage.spawn(echo, 'orders')
    expect([named.name, named.path]).toEqual(['orders', '/test/orders'])
    const unnamed = Array.from({ length: 100 }, () => stage.spawn(echo))
    expect(new Set(unnamed.map(ref => ref.name)).size).toBe(100)
    for (const ref of unnamed) {
      expect(ref.name).toMatch(/^\$\d+$/)
      expect(ref.path).toBe(`/test/${ref.name}`)
    }
  })

  test('name the way from the system down', async () => {
    await using stage = new Stage()
    const paths: string[] = []
    const nest = (depth: number): ReturnType<typeof behavior<string, null>> =>
      behavior<string, null>({
        initial: context => {
          paths.push(context.path)
          if (depth > 0) context.spawn(nest(depth - 1), { name: `d${depth}` })
          return null
        },
        receive: state => state,
      })
    stage.spawn(nest(2), 'top')
    await settle()
    expect(paths).toEqual(['/test/top', '/test/top/d2', '/test/top/d2/d1'])
  })

  test('of a living sibling are refused with ACTOR_NAME_TAKEN, and free again once it has ended', async () => {
    await using stage = new Stage()
    const first = stage.spawn(echo, 'one')
    expect(() => stage.spawn(echo, 'one')).toThrow(expect.objectContaining({ code: 'ACTOR_NAME_TAKEN' }))
    await first.stop()
    await stage.spawn(echo, 'one').stop()
    let taken: unknown
    stage.spawn(
      behavior<string, null>({
        initial: async context => {
          const child = context.spawn(echo, { name: 'one' })
          try {
            context.spawn(echo, { name: 'one' })
          } catch (error) {
            taken = error
          }
          await child.stop()
          context.spawn(echo, { name: 'one' })
          return null
        },
        receive: state => state,
      }),
      'parent',
    )
    await settle()
    expect(taken).toMatchObject({
      code: 'ACTOR_NAME_TAKEN',
      message: '/test/parent has a child named "one" already',
    })
    expect(stage.logger.lines).toEqual([])
  })

  test('that could make one path mean two actors are refused with ACTOR_NAME_INVALID', async () => {
    await using stage = new Stage()
    let refused = 0
    const parent = stage.spawn(
      behavior<string, null>({
        initial: () => null,
        receive: (state, name, context) => {
          expect(() => context.spawn(echo, { name })).toThrow(expect.objectContaining({ code: 'ACTOR_NAME_INVALID' }))
          refused++
          return state
        },
      }),
    )
    for (const name of ['$1', '$', '', 'a/b', '/']) {
      expect(() => stage.spawn(echo, name)).toThrow(expect.objectContaining({ code: 'ACTOR_NAME_INVALID' }))
      parent.tell(name)
    }
    await settle()
    expect(refused).toBe(5)
    for (const name of ['__proto__', 'constructor', '1', 'a$', '%', 'ä b'])
      expect(stage.spawn(echo, name).name).toBe(name)
  })

  test('of supervised children may be any text, which the path escapes', async () => {
    await using stage = new Stage()
    const pathOf = async (id: string): Promise<string> =>
      (await hold(stage, echo as Behavior<never>, undefined, id)).child.path
    expect(await pathOf('a/b')).toMatch(/^\/test\/\$\d+\/a%2Fb$/)
    expect(await pathOf('a%2Fb')).toMatch(/^\/test\/\$\d+\/a%252Fb$/)
    expect(await pathOf('$1')).toMatch(/^\/test\/\$\d+\/%241$/)
    expect(await pathOf('a$')).toMatch(/^\/test\/\$\d+\/a\$$/)
  })
})

import { describe, expect, test } from 'vitest'
import { type Behavior, behavior, stopped, systemBehavior } from '../../src/kernel/behavior.ts'
import type { Cell } from '../../src/kernel/cell.ts'
import { ignore } from '../../src/kernel/types.ts'
import { cellOf, gate, hold, rejection, Stage, settle, VirtualStage } from './support.ts'

/** A parent that gives the test its cell, so that the test can be the supervisor. */
const parentCell = async (stage: Stage, internals = {}): Promise<Cell> => {
  let cell: Cell | undefined
  stage.spawn(
    systemBehavior<never, string>(
      {
        initial: context => {
          cell = cellOf(context)
          return 'parent'
        },
        receive: state => state,
      },
      internals,
    ),
  )
  await settle()
  return cell as Cell
}

const recorder = (seen: unknown[]): Behavior<never> =>
  behavior<string, null>({
    initial: () => {
      seen.push('initial')
      return null
    },
    receive: (state, message) => {
      if (message === 'crash') throw new Error('crash')
      if (message === 'end') return stopped()
      seen.push(message)
      return state
    },
    onStop: (_state, reason) => {
      seen.push(reason.type)
    },
  }) as Behavior<never>

describe('a held child', () => {
  test('starts when ordered, and says how the start ended', async () => {
    await using stage = new Stage()
    const parent = await parentCell(stage)
    const failing = behavior<string, null>({
      initial: () => {
        throw new Error('no')
      },
      receive: state => state,
    })
    const ignoring = behavior<string, null>({ initial: () => ignore, receive: state => state })
    const seen: unknown[] = []
    const child = parent.holdChild(recorder(seen), null)
    await settle()
    expect(seen).toEqual([])
    expect(await child.start()).toEqual({ type: 'started' })
    expect(child.isUp).toBe(true)
    expect(await parent.holdChild(ignoring as Behavior<never>, null).start()).toEqual({ type: 'ignored' })
    const failed = parent.holdChild(failing as Behavior<never>, null)
    expect(await failed.start()).toMatchObject({ type: 'failed', error: { message: 'no' } })
    expect(await failed.start()).toMatchObject({ type: 'failed' })
    expect(stage.logger.lines).toEqual([])
  })

  test('keeps its mailbox from before the first start and over every restart', async () => {
    await using stage = new Stage()
    const parent = await parentCell(stage)
    const seen: unknown[] = []
    const child = parent.holdChild(recorder(seen), null)
    child.tell('before')
    await child.start()
    await settle()
    expect(await child.shutdown(1_000)).toEqual({ type: 'shutdown' })
    child.tell('between')
    await settle()
    expect(child.waiting).toBe(1)
    await child.start()
    await settle()
    expect(seen).toEqual(['initial', 'before', 'shutdown', 'initial', 'between'])
  })

  test('counts its incarnations, and each exit names the one that ended', async () => {
    await using stage = new Stage()
    const { child, exits } = await hold(stage, recorder([]))
    for (const message of ['crash', 'end', 'crash']) {
      child.tell(message)
      await settle()
    }
    expect(child.incarnation).toBe(4)
    expect(exits.map(exit => [exit.incarnation, exit.reason.type])).toEqual([
      [1, 'error'],
      [2, 'normal'],
      [3, 'error'],
    ])
  })

  test('that is shut down tells only whoever ordered it', async () => {
    await using stage = new Stage()
    const { child, exits } = await hold(stage, recorder([]))
    expect(await child.shutdown('brutal-kill')).toEqual({ type: 'killed' })
    await settle()
    expect(exits).toEqual([])
    expect(await child.shutdown(1_000)).toEqual({ type: 'normal' })
  })

  test('that is shut down twice at once answers both', async () => {
    await using stage = new Stage()
    const parent = await parentCell(stage)
    const child = parent.holdChild(recorder([]), null)
    await child.start()
    expect(await Promise.all([child.shutdown(1_000), child.shutdown('infinity')])).toEqual([
      { type: 'shutdown' },
      { type: 'shutdown' },
    ])
  })

  test('that is shut down before its ordered start has begun does not start', async () => {
    await using stage = new Stage()
    const parent = await parentCell(stage)
    const seen: unknown[] = []
    const child = parent.holdChild(recorder(seen), null)
    const start = child.start()
    expect(await child.shutdown(1_000)).toEqual({ type: 'shutdown' })
    expect(await start).toMatchObject({ type: 'failed', error: { code: 'ACTOR_STOPPED' } })
    await settle()
    expect(seen).toEqual([])
    expect(child.isUp).toBe(false)
  })

  test('is killed when it exceeds its shutdown time', async () => {
    await using stage = new VirtualStage()
    const parent = await parentCell(stage)
    const child = parent.holdChild(
      behavior<string, null>({ initial: () => null, receive: () => new Promise(() => undefined) }) as Behavior<never>,
      null,
    )
    await child.start()
    child.tell('x')
    await settle()
    const shutdown = child.shutdown(100)
    stage.clock.advance(100)
    expect(await shutdown).toEqual({ type: 'killed' })
  })

  test('that is abandoned ends for good: mailbox to dead letters, name free, further orders harmless', async () => {
    await using stage = new Stage()
    const parent = await parentCell(stage)
    const child = parent.holdChild(recorder([]), 'name')
    expect(() => parent.holdChild(recorder([]), 'name')).toThrow(expect.objectContaining({ code: 'ACTOR_NAME_TAKEN' }))
    child.tell('queued')
    child.abandon({ type: 'normal' })
    child.abandon({ type: 'normal' })
    expect(stage.letters).toMatchObject([{ message: 'queued', reason: 'stopped' }])
    expect(child.isStopped).toBe(true)
    expect(await child.shutdown(10)).toEqual({ type: 'normal' })
    await child.stop()
    parent.holdChild(recorder([]), 'name')
  })

  test('that never started is no obstacle to the end of its parent', async () => {
    await using stage = new VirtualStage()
    const parent = await parentCell(stage)
    const child = parent.holdChild(recorder([]), null)
    child.tell('queued')
    child.kill()
    await child.stop()
    await child.drain()
    await parent.stop({ shutdownMs: 'infinity' })
    expect(stage.reasons()).toEqual(['stopped'])
  })

  test('ends with its parent for good, whatever it is doing', async () => {
    await using stage = new Stage()
    const parent = await parentCell(stage)
    const running = parent.holdChild(recorder([]), null)
    const suspended = parent.holdChild(recorder([]), null)
    await running.start()
    await suspended.start()
    await suspended.shutdown(1_000)
    await parent.stop()
    expect([running.isStopped, suspended.isStopped]).toEqual([true, true])
    expect(await rejection(running.offer('x'))).toMatchObject({ code: 'ACTOR_STOPPED' })
  })

  test('whose parent fails to stop it in its order is stopped all the same', async () => {
    await using stage = new Stage()
    const parent = await parentCell(stage, {
      stopChildren: () => {
        throw new Error('lost my list')
      },
    })
    const seen: unknown[] = []
    const child = parent.holdChild(recorder(seen), null)
    await child.start()
    await parent.stop()
    expect(seen).toEqual(['initial', 'shutdown'])
    expect(stage.logger.lines).toMatchObject([{ level: 'error', fields: { error: { message: 'lost my list' } } }])
  })

  test('asked by its ref to stop or drain ends its incarnation only: its supervisor decides', async () => {
    await using stage = new Stage()
    const seen: unknown[] = []
    const { child, exits } = await hold(stage, recorder(seen))
    await child.stop()
    await settle()
    await child.drain()
    await settle()
    expect(exits.map(exit => exit.reason.type)).toEqual(['shutdown', 'normal'])
    child.tell('alive')
    await settle()
    expect(seen).toEqual(['initial', 'shutdown', 'initial', 'normal', 'initial', 'alive'])
  })

  test('gives a starting child up when its parent ends', async () => {
    await using stage = new VirtualStage()
    const parent = await parentCell(stage)
    const door = gate()
    const child = parent.holdChild(
      behavior<string, null>({
        initial: async () => {
          await door.opened
          return null
        },
        receive: state => state,
      }) as Behavior<never>,
      null,
    )
    const start = child.start()
    await settle()
    parent.kill()
    expect(await start).toMatchObject({ type: 'failed' })
    door.open()
    await settle()
    expect(child.isStopped).toBe(true)
  })
})

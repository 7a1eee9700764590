import { describe, expect, test } from 'vitest'
import { type Behavior, behavior, stopped, systemBehavior } from '../../src/kernel/behavior.ts'
import { ActorSystem } from '../../src/kernel/system.ts'
import type { ExitReason } from '../../src/kernel/types.ts'
import { RecordingLogger } from '../../src/testkit/recording-logger.ts'
import { gate, Stage, settle, VirtualStage } from './support.ts'

const named = (seen: string[]): Behavior<string> =>
  behavior<string, null>({
    initial: () => null,
    receive: (state, message) => {
      seen.push(message)
      return state
    },
    onStop: async (_state, _reason, context) => {
      await settle()
      seen.push(`${context.name} stopped`)
    },
  })

describe('terminate', () => {
  test('stops the top level in reverse order of its start, one after the other', async () => {
    const stage = new Stage()
    const seen: string[] = []
    for (const name of ['a', 'b', 'c']) stage.spawn(named(seen), name)
    await settle()
    await stage.system.terminate()
    expect(seen).toEqual(['c stopped', 'b stopped', 'a stopped'])
  })

  test('twice waits for the first, and never ends anything twice', async () => {
    const stage = new Stage()
    const seen: string[] = []
    stage.spawn(named(seen), 'a')
    await settle()
    const first = stage.system.terminate()
    const second = stage.system.terminate({ shutdownMs: 'brutal-kill' })
    await Promise.all([first, second])
    await stage.system.terminate()
    expect(seen).toEqual(['a stopped'])
    expect(await stage.system.whenTerminated).toEqual({ type: 'normal' })
  })

  test('is what `await using` does at the end of the block', async () => {
    const seen: string[] = []
    {
      await using system = ActorSystem.start({ logger: new RecordingLogger() })
      system.spawn(named(seen), { name: 'a' })
      await settle()
    }
    expect(seen).toEqual(['a stopped'])
  })

  test('refuses actors afterwards and meanwhile with SYSTEM_TERMINATED', async () => {
    const stage = new Stage()
    const done = stage.system.terminate()
    expect(() => stage.spawn(named([]))).toThrow(expect.objectContaining({ code: 'SYSTEM_TERMINATED' }))
    await done
    expect(() => stage.spawn(named([]))).toThrow(expect.objectContaining({ code: 'SYSTEM_TERMINATED' }))
  })

  test('kills what does not end within `shutdownMs`', async () => {
    const stage = new VirtualStage()
    const stuck = behavior<string, null>({ initial: () => null, receive: () => new Promise(() => undefined) })
    stage.spawn(stuck).tell('x')
    stage.spawn(stuck).tell('x')
    await settle()
    const done = stage.system.terminate({ shutdownMs: 100 })
    for (let i = 0; i < 2; i++) {
      stage.clock.advance(100)
      await settle()
    }
    await done
    expect(stage.clock.pending).toBe(0)
  })

  test('of an empty system, and of one whose actors have all ended, resolves', async () => {
    await ActorSystem.start().terminate()
    const stage = new Stage()
    await stage.spawn(named([])).stop()
    await stage.system.terminate()
  })

  test('called by an actor ends that actor too', async () => {
    const stage = new Stage()
    const seen: string[] = []
    const actor = stage.spawn(
      behavior<string, null>({
        initial: () => null,
        receive: state => {
          void stage.system.terminate()
          return state
        },
        onStop: () => {
          seen.push('stopped')
        },
      }),
    )
    actor.tell('end it all')
    await stage.system.whenTerminated
    expect(seen).toEqual(['stopped'])
  })
})

describe('escalation', () => {
  const topLevel = (outcome: () => null | ReturnType<typeof stopped>): Behavior<string> =>
    systemBehavior<string, null>({ initial: () => null, receive: outcome }, { escalates: true })

  test('of a top-level supervisor that gives up terminates the system with its reason', async () => {
    const seen: string[] = []
    const cause = new Error('intensity reached')
    for (const [outcome, expected] of [
      [() => stopped({ type: 'shutdown', cause }), { type: 'shutdown', cause }],
      [
        () => {
          throw cause
        },
        { type: 'error', error: cause },
      ],
    ] as [() => null, ExitReason][]) {
      const stage = new Stage()
      stage.spawn(named(seen), 'other')
      const root = stage.spawn(topLevel(outcome), 'root')
      root.tell('give up')
      expect(await stage.system.whenTerminated).toEqual(expected)
      expect(seen.splice(0)).toEqual(['other stopped'])
      expect(stage.logger.lines.filter(line => line.text === '/test/root gave up; the system terminates')).toHaveLength(
        1,
      )
    }
  })

  test('does not follow a normal end, nor the end of an actor that is no supervisor', async () => {
    await using stage = new Stage()
    stage.spawn(topLevel(() => stopped())).tell('done')
    stage
      .spawn(
        behavior<string, null>({
          initial: () => null,
          receive: () => {
            throw new Error('crash')
          },
        }),
      )
      .tell('crash')
    await settle()
    expect(() => stage.spawn(named([]))).not.toThrow()
  })
})

test('takes clock, chance, logger and turns of the event loop as arguments', async () => {
  const logger = new RecordingLogger()
  const turns: string[] = []
  const door = gate()
  const system = ActorSystem.start({
    name: 'ports',
    logger,
    ports: {
      random: { next: () => 0.5 },
      executor: {
        soon: task => {
          turns.push('soon')
          queueMicrotask(task)
        },
        later: task => {
          turns.push('later')
          setImmediate(task)
        },
      },
    },
  })
  system
    .spawn(
      behavior<string, null>({
        initial: context => {
          context.log.log('info', `${context.random.next()}`)
          door.open()
          return null
        },
        receive: state => state,
      }),
    )
    .tell('x')
  await door.opened
  expect(turns).toEqual(['soon', 'later'])
  expect(logger.lines).toMatchObject([{ level: 'info', text: '0.5' }])
  await system.terminate()
})

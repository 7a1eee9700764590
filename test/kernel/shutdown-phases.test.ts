import { describe, expect, test } from 'vitest'
import { behavior, stopped, systemBehavior } from '../../src/kernel/behavior.ts'
import { ActorSystem } from '../../src/kernel/system.ts'
import { gate, Stage, settle, VirtualStage } from './support.ts'

const actorThatSays = (seen: string[], what: string) =>
  behavior<string, null>({
    initial: () => null,
    receive: state => state,
    onStop: () => {
      seen.push(what)
    },
  })

const lines = (stage: Stage): string[] =>
  stage.logger.lines.filter(line => line.level === 'error').map(line => line.text)

describe('the shutdown of a system', () => {
  test('runs its phases in order, whatever order they were filled in, and the actors’ own stop last', async () => {
    const stage = new Stage()
    const seen: string[] = []
    stage.spawn(actorThatSays(seen, 'first actor'))
    stage.spawn(actorThatSays(seen, 'second actor'))
    await settle()
    for (const phase of ['flush', 'stop-accepting', 'drain'])
      stage.system.onShutdown(phase, async () => {
        seen.push(`${phase} begins`)
        await settle()
        seen.push(`${phase} ends`)
      })
    await stage.system.terminate()
    expect(seen).toEqual([
      'stop-accepting begins',
      'stop-accepting ends',
      'drain begins',
      'drain ends',
      'flush begins',
      'flush ends',
      'second actor',
      'first actor',
    ])
  })

  test('begins the tasks of a phase in the order they were added, and does not wait in between', async () => {
    const stage = new Stage()
    const seen: number[] = []
    const door = gate()
    for (let i = 0; i < 3; i++)
      stage.system.onShutdown('drain', () => {
        seen.push(i)
        if (i === 2) door.open()
        return door.opened
      })
    await stage.system.terminate()
    expect(seen).toEqual([0, 1, 2])
  })

  test('runs each task once, however often it is asked for, and with the reason', async () => {
    const stage = new Stage()
    const reasons: unknown[] = []
    stage.system.onShutdown('drain', reason => reasons.push(reason))
    await Promise.all([stage.system.terminate(), stage.system.terminate()])
    await stage.system.terminate()
    expect(reasons).toEqual([{ type: 'normal' }])
  })

  test('is one, also when a task calls `terminate` before it first waits', async () => {
    const stage = new Stage()
    const seen: string[] = []
    stage.spawn(actorThatSays(seen, 'actor'))
    await settle()
    const again: Promise<void>[] = []
    stage.system.onShutdown('stop-accepting', async () => {
      again.push(stage.system.terminate())
      expect(() => stage.spawn(actorThatSays(seen, 'late actor'))).toThrow(
        expect.objectContaining({ code: 'SYSTEM_TERMINATED' }),
      )
      await settle()
      seen.push('stop-accepting ends')
    })
    stage.system.onShutdown('drain', () => seen.push('drain'))
    await stage.system.terminate()
    await Promise.all(again)
    expect(seen).toEqual(['stop-accepting ends', 'drain', 'actor'])
    expect(lines(stage)).toEqual([])
  })

  test('runs the tasks of a system whose supervisor gave up too, with its reason', async () => {
    const stage = new Stage()
    const reasons: unknown[] = []
    stage.system.onShutdown('flush', reason => reasons.push(reason))
    const cause = new Error('intensity reached')
    const gaveUp = systemBehavior<string, null>(
      { initial: () => null, receive: () => stopped({ type: 'shutdown', cause }) },
      { escalates: true },
    )
    stage.spawn(gaveUp).tell('give up')
    await stage.system.whenTerminated
    expect(reasons).toEqual([{ type: 'shutdown', cause }])
  })

  test('goes on without a task that hangs, after its own time, and aborts its signal', async () => {
    const stage = new VirtualStage()
    const seen: string[] = []
    const signals: AbortSignal[] = []
    const hang = (_reason: unknown, signal: AbortSignal): Promise<never> => {
      signals.push(signal)
      return new Promise(() => undefined)
    }
    stage.system.onShutdown('drain', hang, { timeoutMs: 100, name: 'the door' })
    stage.system.onShutdown('drain', hang)
    stage.system.onShutdown('flush', () => seen.push('flush'))
    const done = stage.system.terminate()
    await settle()
    stage.clock.advance(100)
    await settle()
    expect(signals.map(signal => signal.aborted)).toEqual([true, false])
    stage.clock.advance(4_899)
    await settle()
    expect(seen).toEqual([])
    stage.clock.advance(1)
    await done
    expect(seen).toEqual(['flush'])
    expect(lines(stage)).toEqual([
      'shutdown phase drain: the door has not settled within 100 ms; the shutdown goes on without it',
      'shutdown phase drain: hang has not settled within 5000 ms; the shutdown goes on without it',
    ])
    expect(stage.clock.pending).toBe(0)
  })

  test('goes on after a task that throws, at once or later, and says so in the log', async () => {
    const stage = new Stage()
    const seen: string[] = []
    const error = new Error('no')
    stage.system.onShutdown('drain', () => {
      throw error
    })
    stage.system.onShutdown('drain', () => Promise.reject('later'), { name: 'rejecting' })
    stage.system.onShutdown('drain', () => seen.push('other task'))
    stage.system.onShutdown('flush', () => seen.push('next phase'))
    await stage.system.terminate()
    expect(seen).toEqual(['other task', 'next phase'])
    expect(lines(stage)).toEqual([
      'shutdown phase drain: unnamed task failed',
      'shutdown phase drain: rejecting failed',
    ])
    expect(stage.logger.lines[0]?.fields?.error).toBe(error)
  })

  test('logs a task that fails after its time, and waits for it no more', async () => {
    const stage = new VirtualStage()
    const task = (_reason: unknown, signal: AbortSignal): Promise<void> =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))))
    stage.system.onShutdown('drain', task, { timeoutMs: 10 })
    const done = stage.system.terminate()
    await settle()
    stage.clock.advance(10)
    await done
    await settle()
    expect(lines(stage)).toHaveLength(2)
  })

  test('leaves out a task that was taken out', async () => {
    const stage = new Stage()
    const seen: string[] = []
    const leave = stage.system.onShutdown('drain', () => seen.push('drain'))
    leave()
    leave()
    await stage.system.terminate()
    expect(seen).toEqual([])
  })

  test('takes tasks for phases to come while it runs, and refuses those for phases that have begun', async () => {
    const stage = new Stage()
    const seen: string[] = []
    const refused: unknown[] = []
    stage.system.onShutdown('drain', () => {
      stage.system.onShutdown('flush', () => seen.push('flush'))
      for (const phase of ['stop-accepting', 'drain'])
        try {
          stage.system.onShutdown(phase, () => seen.push(phase))
        } catch (error) {
          refused.push((error as { code: string }).code)
        }
    })
    await stage.system.terminate()
    expect(seen).toEqual(['flush'])
    expect(refused).toEqual(['SYSTEM_TERMINATED', 'SYSTEM_TERMINATED'])
  })

  test('refuses tasks after the end, also where there were none before it', async () => {
    const stage = new Stage()
    await stage.system.terminate()
    expect(() => stage.system.onShutdown('flush', () => undefined)).toThrow(
      expect.objectContaining({ code: 'SYSTEM_TERMINATED' }),
    )
  })

  test('keeps the actors working until its tasks are done, and starts no top-level ones', async () => {
    const stage = new Stage()
    const echo = behavior<{ replyTo: { tell(reply: string): void } }, null>({
      initial: () => null,
      receive: (state, message) => {
        message.replyTo.tell('here')
        return state
      },
    })
    const actor = stage.spawn(echo)
    const seen: unknown[] = []
    stage.system.onShutdown('flush', async () => {
      seen.push(await actor.ask(replyTo => ({ replyTo })))
      try {
        stage.spawn(echo)
      } catch (error) {
        seen.push((error as { code: string }).code)
      }
    })
    await stage.system.terminate({ shutdownMs: 'brutal-kill' })
    expect(seen).toEqual(['here', 'SYSTEM_TERMINATED'])
  })

  test('has the phases that it was given', async () => {
    const stage = new Stage({ shutdownPhases: ['close', 'upload'] })
    const seen: string[] = []
    for (const phase of ['upload', 'close']) stage.system.onShutdown(phase, () => seen.push(phase))
    expect(() => stage.system.onShutdown('flush', () => undefined)).toThrow(
      new RangeError('no shutdown phase "flush": there are close, upload'),
    )
    await stage.system.terminate()
    expect(seen).toEqual(['close', 'upload'])
  })

  test('refuses phases of one name and times that are none', async () => {
    expect(() => ActorSystem.start({ shutdownPhases: ['a', 'a'] })).toThrow(RangeError)
    await using stage = new Stage()
    for (const timeoutMs of [-1, Number.NaN])
      expect(() => stage.system.onShutdown('flush', () => undefined, { timeoutMs })).toThrow(RangeError)
  })
})

describe('SIGTERM and SIGINT', () => {
  const heard = (): number => process.listenerCount('SIGTERM') + process.listenerCount('SIGINT')

  test('are left alone unless the system is told to hear them', async () => {
    const before = heard()
    await using stage = new Stage()
    expect(stage.system.name).toBe('test')
    expect(heard()).toBe(before)
  })

  test('terminate the system, with its tasks, and are left after the first', async () => {
    const before = heard()
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const stage = new Stage({ signals: true })
      const seen: string[] = []
      stage.system.onShutdown('drain', () => seen.push('drain'))
      expect(heard()).toBe(before + 2)
      process.kill(process.pid, signal)
      expect(await stage.system.whenTerminated).toEqual({ type: 'normal' })
      expect(seen).toEqual(['drain'])
      expect(stage.logger.lines).toMatchObject([{ level: 'info', text: `${signal}: system test terminates` }])
      expect(heard()).toBe(before)
    }
  })

  test('are left by a system that has ended without them', async () => {
    const before = heard()
    const stage = new Stage({ signals: true })
    await stage.system.terminate()
    await settle()
    expect(heard()).toBe(before)
  })
})

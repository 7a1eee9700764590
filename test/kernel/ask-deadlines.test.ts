import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import type { Cancel } from '../../src/base/ports.ts'
import { type Behavior, behavior } from '../../src/kernel/behavior.ts'
import type { ActorRef, ReplyTo } from '../../src/kernel/types.ts'
import { VirtualClock } from '../../src/testkit/virtual-clock.ts'
import { rejection, Stage, settle, VirtualStage } from './support.ts'

interface Request {
  readonly answer: boolean
  readonly replyTo: ReplyTo<string>
}

/** Answers at once, or never. */
const answerer: Behavior<Request> = behavior<Request, null>({
  initial: () => null,
  receive: (state, { answer, replyTo }) => {
    if (answer) replyTo.tell('answer')
    return state
  },
})

const unanswered = (replyTo: ReplyTo<string>): Request => ({ answer: false, replyTo })
const answered = (replyTo: ReplyTo<string>): Request => ({ answer: true, replyTo })

/** Asks what nobody answers, and notes when that fails. */
const failing = (stage: VirtualStage, actor: ActorRef<Request>, timeoutMs: number, failedAtMs: number[]): void => {
  const note = (): unknown => failedAtMs.push(stage.clock.monotonicMs())
  actor.ask(unanswered, { timeoutMs }).then(note, note)
}

/** Moves time by small steps, so that what each brings is seen at its own. */
const pass = async (stage: VirtualStage, ms: number, stepMs: number): Promise<void> => {
  for (let passed = 0; passed < ms; passed += stepMs) {
    stage.clock.advance(stepMs)
    await settle()
  }
}

describe('the time limit of an ask', () => {
  test('counts from the ask, for each of many that wait at once', async () => {
    await using stage = new VirtualStage()
    const actor = stage.spawn(answerer)
    const failedAtMs: number[] = []
    for (let made = 0; made < 5; made++) {
      failing(stage, actor, 100, failedAtMs)
      await pass(stage, 10, 10)
    }
    failing(stage, actor, 30, failedAtMs)
    await pass(stage, 200, 5)
    expect(failedAtMs).toEqual([80, 100, 110, 120, 130, 140])
    expect(stage.clock.pending).toBe(0)
  })

  test('holds for those that wait when others in front, behind and between have been answered', async () => {
    await using stage = new VirtualStage()
    const actor = stage.spawn(answerer)
    const failedAtMs: number[] = []
    for (let made = 0; made < 4; made++) {
      expect(await actor.ask(answered, { timeoutMs: 100 })).toBe('answer')
      await pass(stage, 10, 10)
      failing(stage, actor, 100, failedAtMs)
      expect(await actor.ask(answered, { timeoutMs: 100 })).toBe('answer')
    }
    await pass(stage, 200, 10)
    expect(failedAtMs).toEqual([110, 120, 130, 140])
    expect(stage.clock.pending).toBe(0)
  })

  test('is kept with more different limits than are held together', async () => {
    await using stage = new VirtualStage()
    const actor = stage.spawn(answerer)
    const failedAtMs: number[] = []
    const limits = Array.from({ length: 100 }, (_, i) => i + 1)
    for (const timeoutMs of limits) failing(stage, actor, timeoutMs, failedAtMs)
    const many = limits.map(timeoutMs => actor.ask(answered, { timeoutMs }))
    await Promise.all(many)
    await pass(stage, 100, 1)
    expect(failedAtMs).toEqual(limits)
    expect(stage.clock.pending).toBe(0)
  })

  test('costs one timer for asks that follow each other, and none once they are over', async () => {
    let timers = 0
    class CountingClock extends VirtualClock {
      override after(delayMs: number, run: () => void): Cancel {
        timers++
        return super.after(delayMs, run)
      }
    }
    const clock = new CountingClock()
    await using stage = new Stage({ ports: { clock } })
    const actor = stage.spawn(answerer)
    for (let asked = 0; asked < 1_000; asked++) await actor.ask(answered, { timeoutMs: 1_000 })
    await settle()
    // A slow machine's event loop may have had its turn in between.
    expect(timers).toBeLessThan(100)
    expect(clock.pending).toBe(0)
  })

  test('is never over early, though the timers of the clock come early', async () => {
    class HastyClock extends VirtualClock {
      override after(delayMs: number, run: () => void): Cancel {
        return super.after(Math.max(1, Math.trunc(delayMs) - 1), run)
      }
    }
    const clock = new HastyClock()
    await using stage = new Stage({ ports: { clock } })
    const actor = stage.spawn(answerer)
    const failedAfterMs: number[] = []
    for (let made = 0; made < 20; made++) {
      const madeMs = clock.monotonicMs()
      const note = (): unknown => failedAfterMs.push(clock.monotonicMs() - madeMs)
      actor.ask(unanswered, { timeoutMs: 20.5 }).then(note, note)
      clock.advance(0.25)
      await settle()
    }
    for (let passed = 0; passed < 60; passed += 0.25) {
      clock.advance(0.25)
      await settle()
    }
    expect(failedAfterMs).toHaveLength(20)
    expect(Math.min(...failedAfterMs)).toBeGreaterThanOrEqual(20.5)
    expect(Math.max(...failedAfterMs)).toBeLessThanOrEqual(22.5)
  })

  test('on the machine’s clock is over when it is, and not before', async () => {
    await using stage = new Stage()
    const actor = stage.spawn(answerer)
    const asks = Array.from({ length: 50 }, async (_, i) => {
      const timeoutMs = 5 + (i % 7) * 1.3
      const madeMs = performance.now()
      expect(await rejection(actor.ask(unanswered, { timeoutMs }))).toMatchObject({ code: 'ASK_TIMEOUT' })
      return performance.now() - madeMs - timeoutMs
    })
    expect(Math.min(...(await Promise.all(asks)))).toBeGreaterThanOrEqual(0)
  })

  test('of 0 or less is over in the next turn; one that is no number is refused', async () => {
    await using stage = new VirtualStage()
    const actor = stage.spawn(answerer)
    for (const timeoutMs of [0, -1, Number.NEGATIVE_INFINITY]) {
      const failed = rejection(actor.ask(unanswered, { timeoutMs }))
      stage.clock.advance(0)
      expect(await failed).toMatchObject({ code: 'ASK_TIMEOUT' })
    }
    expect(await rejection(actor.ask(answered, { timeoutMs: Number.NaN }))).toBeInstanceOf(RangeError)
    expect(await actor.ask(answered, { timeoutMs: Number.POSITIVE_INFINITY })).toBe('answer')
    await settle()
    expect(stage.clock.pending).toBe(0)
  })

  test('ends with the system', async () => {
    const stage = new VirtualStage()
    const actor = stage.spawn(answerer)
    const failures = [100, 200, 300].map(timeoutMs => rejection(actor.ask(unanswered, { timeoutMs })))
    await settle()
    await stage.system.terminate()
    expect(await Promise.all(failures)).toMatchObject(failures.map(() => ({ code: 'ACTOR_STOPPED' })))
    await settle()
    expect(stage.clock.pending).toBe(0)
  })
})

/** `--expose-gc`, for a process that runs already. */
const collect = ((): (() => void) => {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
})()

test('asks that are answered leave nothing, though older and newer ones wait, and the reply of one is kept', async () => {
  await using stage = new VirtualStage()
  const actor = stage.spawn(answerer)
  const options = { timeoutMs: 1_000 }
  const kept: ReplyTo<string>[] = []
  const held: WeakRef<ReplyTo<string>>[] = []
  const first = rejection(actor.ask(unanswered, options))
  const several = async (): Promise<void> => {
    const note = (replyTo: ReplyTo<string>): Request => {
      if (kept.length === 0) kept.push(replyTo)
      else held.push(new WeakRef(replyTo))
      return answered(replyTo)
    }
    await Promise.all(Array.from({ length: 100 }, () => actor.ask(note, options)))
  }
  await several()
  const last = rejection(actor.ask(unanswered, options))
  await settle()
  collect()
  expect(held.filter(reply => reply.deref() !== undefined)).toEqual([])
  expect(kept).toHaveLength(1)
  stage.clock.advance(1_000)
  expect([await first, await last]).toMatchObject([{ code: 'ASK_TIMEOUT' }, { code: 'ASK_TIMEOUT' }])
})

test('a process ends by itself once its asks are answered, however long they might have waited', () => {
  const child = fileURLToPath(new URL('ask-deadlines-child.ts', import.meta.url))
  const options = { encoding: 'utf8', timeout: 15_000 } as const
  expect(execFileSync(process.execPath, ['--import', 'tsx', '-C', 'troupe-source', child], options)).toBe('answer\n')
})

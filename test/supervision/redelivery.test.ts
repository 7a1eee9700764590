import {
  type ActorRef,
  behavior,
  childRef,
  type DeadLetter,
  type PriorityMailbox,
  type ReplyTo,
  type SupervisorSpec,
  supervisor,
} from 'troupe'
import { describe, expect, test } from 'vitest'
import { rejection, Stage, settle } from '../kernel/support.ts'
import { BOOM, chain, type WorkerMessage, worker } from './support.ts'

type Job =
  | {
      readonly type: 'job'
      readonly name: string
      readonly crashes: number
      readonly how?: 'throw' | 'reject' | 'hang'
    }
  | { readonly type: 'ask'; readonly crashes: number; readonly replyTo: ReplyTo<number> }

/** Crashes on each job as often as the job says, in all incarnations. */
const jobs = (seen: string[], options: { mailbox?: PriorityMailbox<Job> } = {}) => {
  const tries = new Map<string, number>()
  return behavior<Job, null>({
    ...options,
    initial: () => null,
    receive: (state, job) => {
      const name = job.type === 'ask' ? 'ask' : job.name
      const nth = (tries.get(name) ?? 0) + 1
      tries.set(name, nth)
      seen.push(`${name} ${nth}`)
      if (nth > job.crashes) {
        if (job.type === 'ask') job.replyTo.tell(nth)
        return state
      }
      const error = new Error(`${name} ${nth} failed`)
      if (job.type === 'job' && job.how === 'reject') return settle().then(() => Promise.reject(error))
      if (job.type === 'job' && job.how === 'hang') return new Promise<never>(() => undefined)
      throw error
    },
    handlerTimeoutMs: 20,
  })
}

const staged = async (attempts: number | null, spec: Partial<SupervisorSpec> = {}, start = jobs([])) => {
  const stage = new Stage()
  const redeliver = attempts === null ? {} : { redeliver: { attempts } }
  const top = stage.spawn(supervisor({ intensity: 20, ...spec, children: [{ id: 'a', start, ...redeliver }] }), 'top')
  return { stage, ref: await childRef<Job>(top, 'a') }
}

const job = (name: string, crashes: number, how: 'throw' | 'reject' | 'hang' = 'throw'): Job => ({
  type: 'job',
  name,
  crashes,
  how,
})

/** Until it handles nothing any more. */
const done = (ref: ActorRef<Job>): Promise<number> => ref.ask<number>(replyTo => ({ type: 'ask', crashes: 0, replyTo }))

test('by default a message that crashed its actor is not handled again, nor a dead letter', async () => {
  const seen: string[] = []
  const { stage, ref } = await staged(null, {}, jobs(seen))
  for (const message of [job('x', 1), job('y', 0)]) ref.tell(message)
  await done(ref)
  expect([seen, stage.letters]).toEqual([['x 1', 'y 1', 'ask 1'], []])
  await stage[Symbol.asyncDispose]()
})

describe('with redelivery', () => {
  for (const how of ['throw', 'reject', 'hang'] as const)
    test(`a message whose handler failed (${how}) is handled again by the next incarnation, ahead of the mailbox`, async () => {
      const seen: string[] = []
      const { stage, ref } = await staged(3, {}, jobs(seen))
      for (const message of [job('x', 2, how), job('y', 0)]) ref.tell(message)
      await done(ref)
      expect([seen, stage.letters]).toEqual([['x 1', 'x 2', 'x 3', 'y 1', 'ask 1'], []])
      await stage[Symbol.asyncDispose]()
    })

  test('the crash that uses up the attempts parks it, with the error of that crash, and the next ones go on', async () => {
    const seen: string[] = []
    const { stage, ref } = await staged(3, {}, jobs(seen))
    const letters: DeadLetter[] = []
    stage.system.deadLetters.subscribe(letter => letters.push(letter))
    const bad = job('x', 9)
    for (const message of [bad, job('y', 1), bad]) ref.tell(message)
    await done(ref)
    expect(seen).toEqual(['x 1', 'x 2', 'x 3', 'y 1', 'y 2', 'x 4', 'x 5', 'x 6', 'ask 1'])
    expect(letters).toMatchObject([
      { message: bad, recipient: '/test/top/a', reason: 'parked', error: { message: 'x 3 failed' } },
      { message: bad, recipient: '/test/top/a', reason: 'parked', error: { message: 'x 6 failed' } },
    ])
    await stage[Symbol.asyncDispose]()
  })

  test('primitive messages that are equal are counted apart', async () => {
    await using stage = new Stage()
    const seen: number[] = []
    const start = behavior<number, null>({
      initial: () => null,
      receive: (state, message) => {
        seen.push(message)
        if (message === 1) throw BOOM
        return state
      },
    })
    const top = stage.spawn(supervisor({ intensity: 9, children: [{ id: 'a', start, redeliver: { attempts: 2 } }] }))
    const ref = await childRef<number>(top, 'a')
    for (const message of [1, 1, 2]) ref.tell(message)
    while (seen.at(-1) !== 2) await settle()
    expect([seen, stage.reasons()]).toEqual([
      [1, 1, 1, 1, 2],
      ['parked', 'parked'],
    ])
  })

  test('an ask stays open over the crashes and is answered at last', async () => {
    const { stage, ref } = await staged(3)
    expect(await ref.ask<number>(replyTo => ({ type: 'ask', crashes: 2, replyTo }))).toBe(3)
    await stage[Symbol.asyncDispose]()
  })

  test('an ask that is parked fails with ACTOR_CRASHED and the error', async () => {
    const { stage, ref } = await staged(2)
    expect(await rejection(ref.ask<number>(replyTo => ({ type: 'ask', crashes: 9, replyTo })))).toMatchObject({
      code: 'ACTOR_CRASHED',
      cause: { message: 'ask 2 failed' },
    })
    expect(stage.reasons()).toEqual(['parked'])
    await stage[Symbol.asyncDispose]()
  })

  test('every crash counts as a restart: a supervisor that gives up leaves the message to the dead letters', async () => {
    const { stage, ref } = await staged(5, { intensity: 1 })
    const open = rejection(ref.ask<number>(replyTo => ({ type: 'ask', crashes: 9, replyTo })))
    ref.tell(job('y', 0))
    expect(chain(await stage.system.whenTerminated)).toEqual(['SUPERVISOR_INTENSITY_REACHED', 'ask 2 failed'])
    expect(await open).toMatchObject({ code: 'ACTOR_CRASHED', cause: { message: 'ask 2 failed' } })
    expect(stage.letters).toMatchObject([{ reason: 'stopped', message: { name: 'y' } }])
  })

  test('an ask whose actor is not restarted fails with ACTOR_CRASHED and the error, one behind it with ACTOR_STOPPED', async () => {
    await using stage = new Stage()
    const child = { id: 'a', start: jobs([]), restart: 'temporary', redeliver: { attempts: 5 } } as const
    const ref = await childRef<Job>(stage.spawn(supervisor({ children: [child] })), 'a')
    const ask = () => rejection(ref.ask<number>(replyTo => ({ type: 'ask', crashes: 9, replyTo })))
    const [first, second] = await Promise.all([ask(), ask()])
    expect(first).toMatchObject({ code: 'ACTOR_CRASHED', cause: { message: 'ask 1 failed' } })
    expect(second).toMatchObject({ code: 'ACTOR_STOPPED' })
  })

  test('waits for the backoff with the actor', async () => {
    const seen: string[] = []
    const { stage, ref } = await staged(2, { backoff: { minMs: 30, jitter: 0 } }, jobs(seen))
    ref.tell(job('x', 1))
    await settle()
    expect(seen).toEqual(['x 1'])
    await done(ref)
    expect(seen).toEqual(['x 1', 'x 2', 'ask 1'])
    await stage[Symbol.asyncDispose]()
  })

  test('a decider that resumes or stops has nothing redelivered', async () => {
    for (const [directive, expected] of [
      ['resume', [['x 1', 'ask 1'], []]],
      ['restart', [['x 1', 'x 2', 'ask 1'], []]],
    ] as const) {
      const seen: string[] = []
      const { stage, ref } = await staged(3, { decider: () => directive }, jobs(seen))
      ref.tell(job('x', 1))
      await done(ref)
      expect([seen, stage.reasons()]).toEqual(expected)
      await stage[Symbol.asyncDispose]()
    }
    const { stage, ref } = await staged(3, { decider: () => 'stop' })
    const open = rejection(ref.ask<number>(replyTo => ({ type: 'ask', crashes: 9, replyTo })))
    expect((await open).code).toBe('ACTOR_CRASHED')
    expect(stage.letters).toEqual([])
    await stage[Symbol.asyncDispose]()
  })

  test('a kill, a start that failed and a crash outside a message redeliver nothing', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const start = worker('a', seen, { starts: ['ok', BOOM, 'ok'] })
    const top = stage.spawn(supervisor({ intensity: 9, children: [{ id: 'a', start, redeliver: { attempts: 9 } }] }))
    const a = await childRef<WorkerMessage>(top, 'a')
    a.tell({ type: 'note', text: 'once' })
    a.tell({ type: 'hang' })
    await settle()
    a.kill()
    await settle()
    ;(a as unknown as { failFromOutside(error: Error): void }).failFromOutside(BOOM)
    await settle()
    expect(seen).toEqual(['start a 1', 'a: once', 'fail a 2', 'start a 3', 'stop a 3 error', 'start a 4'])
    expect(stage.letters).toEqual([])
  })

  test('stays behind what the actor had set aside, and ahead of what came later', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    let open = false
    const start = behavior<string, null>({
      stash: { capacity: 5 },
      initial: () => null,
      receive: (state, message, context) => {
        if (!open && message.startsWith('later')) {
          context.stash()
          return state
        }
        seen.push(message)
        if (message === 'bad' && !open) {
          open = true
          throw BOOM
        }
        return state
      },
    })
    const top = stage.spawn(supervisor({ children: [{ id: 'a', start, redeliver: { attempts: 2 } }] }))
    const ref = await childRef<string>(top, 'a')
    for (const message of ['later 1', 'later 2', 'bad', 'next']) ref.tell(message)
    await settle()
    expect(seen).toEqual(['bad', 'later 1', 'later 2', 'bad', 'next'])
  })

  test('keeps the urgency that its mailbox gives it', async () => {
    const seen: string[] = []
    const priority = (message: Job): number => (message.type === 'job' && message.name === 'x' ? 0 : 1)
    const { stage, ref } = await staged(2, {}, jobs(seen, { mailbox: { priority } }))
    for (const message of [job('y', 0), job('x', 1), job('z', 0)]) ref.tell(message)
    await done(ref)
    expect(seen.filter(word => word.startsWith('x'))).toEqual(['x 1', 'x 2'])
    expect(seen.indexOf('x 2')).toBe(seen.indexOf('x 1') + 1)
    await stage[Symbol.asyncDispose]()
  })
})

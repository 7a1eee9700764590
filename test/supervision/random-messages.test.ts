import fc from 'fast-check'
import { behavior, childRef, type DeadLetter, type ReplyTo, supervisor } from 'troupe'
import { expect, test } from 'vitest'
import { settle, VirtualStage } from '../kernel/support.ts'

interface Message {
  readonly id: number
  /** How often its handler fails before it succeeds. */
  readonly crashes: number
  readonly async: boolean
  readonly resumes: boolean
  readonly asked: boolean
}

interface Handled extends Message {
  readonly replyTo: ReplyTo<number> | null
}

class Failed extends Error {
  readonly resumes: boolean
  constructor(resumes: boolean) {
    super('failed')
    this.resumes = resumes
  }
}

interface Outcome {
  /** Which message was in the handler, for the how many-th time. */
  readonly handled: string[]
  /** What became of the asks, by message. */
  readonly asks: string[]
  readonly parked: number[]
  /** Starts of the actor. */
  readonly starts: number
}

/** What the page of promises says must happen. */
const expected = (messages: readonly Message[], attempts: number): Outcome => {
  const outcome = { handled: [] as string[], asks: [] as string[], parked: [] as number[], starts: 1 }
  for (const { id, crashes, resumes, asked } of messages) {
    let result = 'answered'
    for (let nth = 1; ; nth++) {
      outcome.handled.push(`${id} ${nth}`)
      if (nth > crashes) break
      if (!resumes) outcome.starts++
      if (!resumes && nth < attempts) continue
      if (!resumes && attempts > 1) outcome.parked.push(id)
      result = 'ACTOR_CRASHED'
      break
    }
    if (asked) outcome.asks.push(`${id} ${result}`)
  }
  return outcome
}

const play = async (messages: readonly Message[], attempts: number, rests: boolean): Promise<Outcome> => {
  await using stage = new VirtualStage()
  const parked: number[] = []
  stage.system.deadLetters.subscribe(({ message, reason }: DeadLetter) => {
    expect(reason).toBe('parked')
    parked.push((message as Handled).id)
  })
  const handled: string[] = []
  const tries = new Map<number, number>()
  let starts = 0
  let running = 0
  const start = behavior<Handled, null>({
    initial: () => {
      starts++
      return null
    },
    receive: (state, { id, crashes, async, resumes, replyTo }) => {
      const nth = (tries.get(id) ?? 0) + 1
      tries.set(id, nth)
      handled.push(`${id} ${nth}`)
      const finish = (): null => {
        if (nth <= crashes) throw new Failed(resumes)
        replyTo?.tell(id)
        return state
      }
      expect(running).toBe(0)
      if (!async) return finish()
      running++
      return settle().then(() => {
        running--
        return finish()
      })
    },
  })
  const top = stage.spawn(
    supervisor({
      intensity: rests ? Number.POSITIVE_INFINITY : 1_000,
      ...(rests && { backoff: { minMs: 5, maxMs: 20 } }),
      decider: error => ((error as Failed).resumes ? 'resume' : 'restart'),
      children: [{ id: 'a', start, redeliver: { attempts } }],
    }),
  )
  const ref = await childRef<Handled>(top, 'a')
  const asks: string[] = []
  let open = 0
  for (const message of messages)
    if (!message.asked) ref.tell({ ...message, replyTo: null })
    else {
      open++
      ref
        .ask<number>(replyTo => ({ ...message, replyTo }))
        .then(
          () => asks.push(`${message.id} answered`),
          error => asks.push(`${message.id} ${error.code}`),
        )
        .finally(() => open--)
    }
  let quiet = 0
  for (let seen = 0; quiet < 4; quiet = seen === handled.length && open === 0 ? quiet + 1 : 0) {
    seen = handled.length
    await settle()
    stage.clock.advance(20)
  }
  return { handled, asks, parked, starts }
}

test('messages that crash their actor are handled, resumed, redelivered and parked as the promises say', async () => {
  const message = fc.record({
    crashes: fc.oneof(
      { weight: 3, arbitrary: fc.constant(0) },
      { weight: 2, arbitrary: fc.integer({ min: 1, max: 4 }) },
    ),
    async: fc.boolean(),
    resumes: fc.boolean(),
    asked: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(
      fc.array(message, { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 1, max: 3 }),
      fc.boolean(),
      async (drawn, attempts, rests) => {
        const messages = drawn.map((each, id) => ({ ...each, id }))
        expect(await play(messages, attempts, rests)).toEqual(expected(messages, attempts))
      },
    ),
    { numRuns: 150 },
  )
})

import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { behavior } from '../../src/kernel/behavior.ts'
import { PriorityQueue } from '../../src/kernel/priority-queue.ts'
import type { MailboxOptions, ReplyTo } from '../../src/kernel/types.ts'
import { gate, hold, rejection, Stage, settle } from './support.ts'

interface Job {
  readonly urgency: number
  readonly id: string
  readonly replyTo?: ReplyTo<string>
}

const job = (urgency: number, id: string): Job => ({ urgency, id })
const priority = (message: Job): number => message.urgency

/** An actor that is stuck in its first message, so that the later ones wait. */
const stuck = async (stage: Stage, mailbox: MailboxOptions<Job>) => {
  const seen: string[] = []
  const signals: string[] = []
  const door = gate()
  const actor = stage.spawn(
    behavior<Job, null>({
      initial: () => null,
      receive: async (state, message, context) => {
        if (message.id === 'wait') {
          context.spawn(
            behavior<null, null>({
              initial: () => {
                throw new Error('no start')
              },
              receive: () => null,
            }),
          )
          await door.opened
        } else {
          seen.push(message.id)
          message.replyTo?.tell(message.id)
        }
        return state
      },
      onSignal: (state, signal) => {
        signals.push(signal.type)
        return state
      },
      mailbox,
    }),
  )
  actor.tell(job(0, 'wait'))
  await settle()
  const finish = (): Promise<void> => {
    door.open()
    return actor.drain()
  }
  return { actor, seen, signals, finish, open: door.open }
}

describe('a priority mailbox', () => {
  test('hands out the smallest number first, equals in the order they came', async () => {
    await using stage = new Stage()
    const { actor, seen, finish } = await stuck(stage, { priority })
    for (const [urgency, id] of [
      [5, 'e1'],
      [1, 'a1'],
      [5, 'e2'],
      [-3, 'z'],
      [1, 'a2'],
      [5, 'e3'],
      [1.5, 'b'],
    ] as const)
      actor.tell(job(urgency, id))
    const answer = actor.ask<string>(replyTo => ({ urgency: 1, id: 'asked', replyTo }))
    await actor.offer(job(1, 'offered'))
    await finish()
    expect(seen).toEqual(['z', 'a1', 'a2', 'asked', 'offered', 'b', 'e1', 'e2', 'e3'])
    expect(await answer).toBe('asked')
  })

  test('orders what is told to an idle actor too', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const actor = stage.spawn(
      behavior<Job, null>({
        initial: () => null,
        receive: (state, message) => {
          seen.push(message.id)
          return state
        },
        mailbox: { priority },
      }),
    )
    for (let round = 0; round < 2; round++) {
      await settle()
      actor.tell(job(2, 'later'))
      actor.tell(job(1, 'first'))
    }
    await settle()
    expect(seen).toEqual(['first', 'later', 'first', 'later'])
  })

  test.each([
    ['reject', ['a', 'b', 'c'], ['urgent', 'lazy']],
    ['backpressure', ['a', 'b', 'c'], ['urgent', 'lazy']],
    ['drop-newest', ['urgent', 'a', 'b'], ['c', 'lazy']],
    ['drop-oldest', ['urgent', 'a', 'c'], ['b', 'lazy']],
  ] as const)('(%s) sheds by urgency, then by age', async (overflow, handled, shed) => {
    await using stage = new Stage()
    const { actor, seen, finish } = await stuck(stage, { priority, capacity: 3, overflow })
    for (const [urgency, id] of [
      [1, 'a'],
      [2, 'b'],
      [2, 'c'],
      [0, 'urgent'],
      [9, 'lazy'],
    ] as const)
      actor.tell(job(urgency, id))
    await finish()
    expect(seen).toEqual(handled)
    expect(stage.letters.map(letter => (letter.message as Job).id)).toEqual(shed)
    expect(new Set(stage.reasons())).toEqual(new Set(['overflow']))
  })

  test.each(['drop-newest', 'drop-oldest'] as const)(
    '(%s) refuses an offer less urgent than all that wait, and takes a more urgent one',
    async overflow => {
      await using stage = new Stage()
      const { actor, seen, finish } = await stuck(stage, { priority, capacity: 1, overflow })
      actor.tell(job(5, 'waits'))
      expect(await rejection(actor.offer(job(6, 'lazy')))).toMatchObject({ code: 'MAILBOX_FULL' })
      expect(stage.letters).toEqual([])
      await actor.offer(job(4, 'urgent'))
      expect(stage.letters).toMatchObject([{ message: { id: 'waits' }, reason: 'overflow' }])
      await finish()
      expect(seen).toEqual(['urgent'])
    },
  )

  test('(backpressure) takes an offer in its order once there is room', async () => {
    await using stage = new Stage()
    const { actor, seen, finish } = await stuck(stage, { priority, capacity: 2, overflow: 'backpressure' })
    actor.tell(job(5, 'a'))
    actor.tell(job(6, 'b'))
    const offered = actor.offer(job(5, 'offered'))
    await Promise.all([finish(), offered])
    expect(seen).toEqual(['a', 'offered', 'b'])
  })

  test('never sheds a signal', async () => {
    await using stage = new Stage()
    const { actor, signals, finish } = await stuck(stage, { priority, capacity: 1, overflow: 'drop-oldest' })
    for (let i = 0; i < 10; i++) actor.tell(job(i, `${i}`))
    await finish()
    expect(signals).toEqual(['child-terminated'])
  })

  test('keeps what waits over a restart, and makes it dead letters at the end', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const { child } = await hold(
      stage,
      behavior<Job, null>({
        initial: () => null,
        receive: (state, message) => {
          if (message.id === 'crash') throw new Error('crash')
          seen.push(message.id)
          return state
        },
        mailbox: { priority },
      }),
    )
    for (const [urgency, id] of [
      [3, 'c'],
      [1, 'crash'],
      [2, 'b'],
    ] as const)
      child.tell(job(urgency, id))
    await settle()
    expect(seen).toEqual(['b', 'c'])
    const { actor, open } = await stuck(stage, { priority })
    actor.tell(job(2, 'y'))
    actor.tell(job(1, 'x'))
    const stopping = actor.stop()
    open()
    await stopping
    expect(stage.letters.map(letter => (letter.message as Job).id)).toEqual(['x', 'y'])
  })

  test('takes a message last whose priority throws or is NaN, says so in the log, and `tell` does not throw', async () => {
    await using stage = new Stage()
    const broken = (message: Job): number => {
      if (message.id === 'throws') throw new Error('no priority')
      return message.id === 'nan' ? Number.NaN : message.urgency
    }
    const { actor, seen, finish } = await stuck(stage, { priority: broken })
    for (const id of ['throws', 'nan', 'fine']) actor.tell(job(1, id))
    await finish()
    expect(seen).toEqual(['fine', 'throws', 'nan'])
    expect(stage.logger.lines.filter(line => line.text.includes('priority failed'))).toHaveLength(2)
  })

  test('takes a message last whose priority is no number, and keeps the order of the others', async () => {
    await using stage = new Stage()
    const { actor, seen, finish } = await stuck(stage, { priority })
    const none: unknown[] = [undefined, null, {}, '0', 0n, true, Symbol('urgent')]
    for (const urgency of [1, 5, ...none, 3, 9, 4, 0, 8, 2, 7])
      actor.tell({ urgency: urgency as number, id: String(urgency) })
    await finish()
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 7, 8, 9, ...none].map(String))
    const failed = stage.logger.lines.filter(line => line.text.includes('priority failed'))
    expect(failed.map(line => (line.fields as { error: Error }).error.message)).toContain('it answered undefined')
    expect(failed).toHaveLength(none.length)
  })

  test('makes no error for a message whose priority is a number', async () => {
    await using stage = new Stage()
    const { actor, finish } = await stuck(stage, { priority })
    const errors = vi.spyOn(globalThis, 'RangeError')
    try {
      for (let i = 0; i < 10; i++) actor.tell(job(i, `${i}`))
      expect(errors).not.toHaveBeenCalled()
    } finally {
      errors.mockRestore()
    }
    await finish()
  })

  test('needs no capacity, and refuses one that is none', () => {
    for (const capacity of [0, -1, 1.5, Number.NaN])
      expect(() =>
        behavior<Job, null>({ initial: () => null, receive: s => s, mailbox: { priority, capacity } }),
      ).toThrow(RangeError)
  })
})

test('a priority queue is what sorting would be, whatever is put in front, shed or filtered', () => {
  const op = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        op: fc.constantFrom('push' as const, 'unshift' as const),
        urgency: fc.integer({ min: 0, max: 5 }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ op: fc.constantFrom('shift' as const, 'oldest' as const, 'newest' as const) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ op: fc.constant('filter' as const), urgency: fc.integer({ min: 0, max: 40 }) }),
    },
  )
  fc.assert(
    fc.property(fc.array(op, { maxLength: 200 }), ops => {
      const queue = new PriorityQueue(item => (item as { urgency: number }).urgency)
      let model: { urgency: number; id: number }[] = []
      let ids = 0
      for (const step of ops) {
        if (step.op === 'push' || step.op === 'unshift') {
          const item = { urgency: step.urgency, id: ids++ }
          queue[step.op](item)
          const at = model.findIndex(({ urgency }) =>
            step.op === 'push' ? urgency > item.urgency : urgency >= item.urgency,
          )
          model.splice(at === -1 ? model.length : at, 0, item)
        } else if (step.op === 'filter') {
          const keep = (item: unknown): boolean => (item as { urgency: number }).urgency !== step.urgency
          queue.filter(keep)
          model = model.filter(keep)
        } else if (model.length > 0) {
          const least = (model.at(-1) as { urgency: number }).urgency
          const at =
            step.op === 'shift'
              ? 0
              : step.op === 'newest'
                ? model.length - 1
                : model.findIndex(item => item.urgency === least)
          expect(step.op === 'shift' ? queue.shift() : queue.shed(step.op)).toBe(model[at])
          model.splice(at, 1)
        }
        expect(queue.length).toBe(model.length)
        expect(queue.isEmpty).toBe(model.length === 0)
      }
      for (const item of model) expect(queue.shift()).toBe(item)
    }),
  )
})

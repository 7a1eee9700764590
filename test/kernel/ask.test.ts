import { describe, expect, test } from 'vitest'
import { type Behavior, behavior, stopped } from '../../src/kernel/behavior.ts'
import type { ReplyTo } from '../../src/kernel/types.ts'
import { gate, hold, rejection, Stage, settle, VirtualStage } from './support.ts'

type Message =
  | { readonly type: 'answer'; readonly replyTo: ReplyTo<string> }
  | { readonly type: 'keep'; readonly replyTo: ReplyTo<string> }
  | { readonly type: 'wait' | 'crash' | 'end' | 'answer kept' }

interface Kept {
  readonly replies: ReplyTo<string>[]
}

const answerer = (kept: Kept, door = gate()): Behavior<Message> =>
  behavior<Message, null>({
    initial: () => null,
    receive: (state, message) => {
      switch (message.type) {
        case 'answer':
          message.replyTo.tell('answer')
          return state
        case 'keep':
          kept.replies.push(message.replyTo)
          return state
        case 'answer kept':
          for (const reply of kept.replies) reply.tell('kept answer')
          return state
        case 'wait':
          return door.opened.then(() => state)
        case 'crash':
          throw new Error('crash')
        case 'end':
          return stopped()
      }
    },
  })

const answer = (replyTo: ReplyTo<string>): Message => ({ type: 'answer', replyTo })
const keep = (replyTo: ReplyTo<string>): Message => ({ type: 'keep', replyTo })

describe('ask', () => {
  test('resolves with the answer, given at once or later', async () => {
    await using stage = new Stage()
    const actor = stage.spawn(answerer({ replies: [] }))
    expect(await actor.ask(answer)).toBe('answer')
    const asked = actor.ask(keep)
    await settle()
    actor.tell({ type: 'answer kept' })
    expect(await asked).toBe('kept answer')
  })

  test('takes any value as an answer, `undefined` and a promise’s value too', async () => {
    await using stage = new Stage()
    const echo = stage.spawn(
      behavior<{ value: unknown; replyTo: ReplyTo<unknown> }, null>({
        initial: () => null,
        receive: (state, message) => {
          message.replyTo.tell(message.value)
          return state
        },
      }),
    )
    for (const value of [undefined, null, 0, '', false, { a: 1 }])
      expect(await echo.ask(replyTo => ({ value, replyTo }))).toBe(value)
  })

  test('fails with what making the message threw, and sends nothing', async () => {
    await using stage = new Stage()
    const actor = stage.spawn(answerer({ replies: [] }))
    expect(
      await rejection(
        actor.ask(() => {
          throw new Error('cannot make it')
        }),
      ),
    ).toMatchObject({ message: 'cannot make it' })
    expect(stage.letters).toEqual([])
  })

  test('fails with ASK_TIMEOUT after `timeoutMs`, is retryable, and the answer is then a dead letter `late-reply`', async () => {
    await using stage = new VirtualStage()
    const kept: Kept = { replies: [] }
    const actor = stage.spawn(answerer(kept), 'slow')
    const asked = rejection(actor.ask(keep, { timeoutMs: 100 }))
    await settle()
    stage.clock.advance(99)
    await settle()
    expect(stage.clock.pending).toBe(1)
    stage.clock.advance(1)
    expect(await asked).toMatchObject({
      code: 'ASK_TIMEOUT',
      retryable: true,
      message: '/test/slow: no answer within 100 ms',
    })
    kept.replies[0]?.tell('too late')
    expect(stage.letters).toMatchObject([{ message: 'too late', recipient: '/test/slow (ask)', reason: 'late-reply' }])
  })

  test('has no time limit unless given one, and leaves no timer behind when it is answered', async () => {
    await using stage = new VirtualStage()
    const kept: Kept = { replies: [] }
    const actor = stage.spawn(answerer(kept))
    const asked = actor.ask(keep)
    await settle()
    expect(stage.clock.pending).toBe(0)
    stage.clock.advance(1e12)
    kept.replies[0]?.tell('patience')
    expect(await asked).toBe('patience')
    await actor.ask(answer, { timeoutMs: 100 })
    await settle()
    expect(stage.clock.pending).toBe(0)
  })

  test('is answered once: a second answer is a dead letter `late-reply`', async () => {
    await using stage = new Stage()
    const kept: Kept = { replies: [] }
    const actor = stage.spawn(answerer(kept))
    const asked = actor.ask(keep)
    await settle()
    kept.replies[0]?.tell('first')
    kept.replies[0]?.tell('second')
    expect(await asked).toBe('first')
    expect(stage.letters).toMatchObject([{ message: 'second', reason: 'late-reply' }])
  })

  test('that was taken and not answered fails with ACTOR_CRASHED when the actor crashes, and says why', async () => {
    await using stage = new Stage()
    const kept: Kept = { replies: [] }
    const { child } = await hold(stage, answerer(kept) as Behavior<never>)
    const asked = rejection(child.ask(keep as never))
    await settle()
    child.tell({ type: 'crash' })
    expect(await asked).toMatchObject({ code: 'ACTOR_CRASHED', cause: { message: 'crash' } })
    kept.replies[0]?.tell('from the grave')
    expect(stage.reasons()).toEqual(['late-reply'])
  })

  test('whose own message crashed the actor fails with ACTOR_CRASHED', async () => {
    await using stage = new Stage()
    for (const receive of [
      (): never => {
        throw new Error('crash')
      },
      async (): Promise<never> => {
        throw new Error('crash')
      },
    ]) {
      const { child } = await hold(stage, behavior<string, null>({ initial: () => null, receive }) as Behavior<never>)
      expect(await rejection(child.ask(() => 'x'))).toMatchObject({ code: 'ACTOR_CRASHED' })
    }
  })

  test('that is still queued survives a crash and a restart, and is answered by the next incarnation', async () => {
    await using stage = new Stage()
    const { child, exits } = await hold(stage, answerer({ replies: [] }) as Behavior<never>)
    child.tell({ type: 'crash' })
    const asked = [child.ask(answer as never), child.ask(answer as never)]
    expect(await Promise.all(asked)).toEqual(['answer', 'answer'])
    expect(exits).toHaveLength(1)
  })

  test('fails with ACTOR_STOPPED when the actor stops for good, taken or queued', async () => {
    await using stage = new Stage()
    const door = gate()
    const actor = stage.spawn(answerer({ replies: [] }, door))
    const taken = rejection(actor.ask(keep))
    await settle()
    actor.tell({ type: 'wait' })
    const queued = rejection(actor.ask(answer))
    await settle()
    const stop = actor.stop()
    door.open()
    await stop
    expect(await taken).toMatchObject({ code: 'ACTOR_STOPPED' })
    expect(await queued).toMatchObject({ code: 'ACTOR_STOPPED' })
    expect(await rejection(actor.ask(answer))).toMatchObject({ code: 'ACTOR_STOPPED' })
    expect(stage.letters).toEqual([])
  })

  test('fails when the actor ends by itself, is killed, or crashes without a supervisor', async () => {
    await using stage = new Stage()
    for (const [end, taken] of [
      ['end', 'ACTOR_STOPPED'],
      ['crash', 'ACTOR_CRASHED'],
      ['kill', 'ACTOR_CRASHED'],
    ] as const) {
      const actor = stage.spawn(answerer({ replies: [] }))
      const failures = [rejection(actor.ask(keep))]
      await settle()
      if (end === 'kill') {
        failures.push(rejection(actor.ask(keep)))
        actor.kill()
      } else {
        actor.tell({ type: end })
        failures.push(rejection(actor.ask(keep)))
      }
      expect(await Promise.all(failures)).toMatchObject([{ code: taken }, { code: 'ACTOR_STOPPED' }])
    }
  })

  test('may still be answered by the stop hook', async () => {
    await using stage = new Stage()
    let waiting: ReplyTo<string> | undefined
    const actor = stage.spawn(
      behavior<{ replyTo: ReplyTo<string> }, null>({
        initial: () => null,
        receive: (_state, message) => {
          waiting = message.replyTo
          return stopped()
        },
        onStop: () => waiting?.tell('goodbye'),
      }),
    )
    expect(await actor.ask(replyTo => ({ replyTo }))).toBe('goodbye')
  })

  test('that was handed on fails with the actor that had taken it', async () => {
    await using stage = new Stage()
    const kept: Kept = { replies: [] }
    const second = stage.spawn(answerer(kept))
    const first = stage.spawn(
      behavior<Message, null>({
        initial: () => null,
        receive: (state, message) => {
          if (message.type === 'crash') throw new Error('crash')
          second.tell(message)
          return state
        },
      }),
    )
    expect(await first.ask(answer)).toBe('answer')
    const asked = rejection(first.ask(keep))
    await settle()
    first.tell({ type: 'crash' })
    expect(await asked).toMatchObject({ code: 'ACTOR_CRASHED' })
    kept.replies[0]?.tell('nobody waits')
    expect(stage.reasons()).toEqual(['late-reply'])
  })
})

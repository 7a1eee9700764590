import { become, behavior, childRef, type ReplyTo, type SupervisorSpec, supervisor } from 'troupe'
import { describe, expect, test } from 'vitest'
import { rejection, Stage, settle } from '../kernel/support.ts'

/** A handler may have failed only when its outcome is looked at: it is the failure of its message as any. */

const unstartable = (initial: () => null | Promise<null>) =>
  behavior<Ask, null>({ initial, receive: state => state as null })

type Ask = { readonly type: 'fine' | 'failing'; readonly replyTo: ReplyTo<string> }

const throwing = (): never => {
  throw new Error('no next')
}

/** What handlers answer that do not fail themselves. */
const outcomes: Readonly<Record<string, () => unknown>> = {
  nothing: () => undefined,
  'nothing, later': async () => undefined,
  'a behavior whose initial throws': () => become(unstartable(throwing)),
  'a behavior whose initial throws, later': async () => become(unstartable(throwing)),
  'a behavior whose initial rejects': () => become(unstartable(async () => throwing())),
  'a behavior whose initial rejects, later': async () => become(unstartable(async () => throwing())),
}

const staged = async (
  outcome: () => unknown,
  spec: Partial<SupervisorSpec>,
  child: { readonly redeliver?: { readonly attempts: number } } = {},
) => {
  const stage = new Stage()
  const seen: string[] = []
  const start = behavior<Ask, object>({
    initial: () => ({}),
    receive: (state, { type, replyTo }) => {
      seen.push(type)
      if (type === 'failing') return outcome() as object
      replyTo.tell('fine')
      return state
    },
  })
  const top = stage.spawn(supervisor({ intensity: 20, ...spec, children: [{ id: 'a', start, ...child }] }), 'top')
  const ref = await childRef<Ask>(top, 'a')
  const ask = (type: Ask['type']): Promise<string> => ref.ask(replyTo => ({ type, replyTo }))
  return { stage, seen, ref, ask }
}

describe.each(Object.entries(outcomes))('a handler that answers %s', (_, outcome) => {
  test('has its message handled again, and parked in the end', async () => {
    const { stage, seen, ref, ask } = await staged(outcome, {}, { redeliver: { attempts: 3 } })
    ref.tell({ type: 'failing', replyTo: { tell: () => undefined } })
    expect(await ask('fine')).toBe('fine')
    expect(seen).toEqual(['failing', 'failing', 'failing', 'fine'])
    expect(stage.reasons()).toEqual(['parked'])
    await stage[Symbol.asyncDispose]()
  })

  test('has its ask open until the message is parked', async () => {
    const { stage, seen, ask } = await staged(outcome, {}, { redeliver: { attempts: 2 } })
    expect(await rejection(ask('failing'))).toMatchObject({ code: 'ACTOR_CRASHED', cause: expect.any(Error) })
    expect(seen).toEqual(['failing', 'failing'])
    await stage[Symbol.asyncDispose]()
  })

  test('is resumed, and its ask fails', async () => {
    const { stage, ask } = await staged(outcome, { decider: () => 'resume' })
    const failed = rejection(ask('failing'))
    expect(await ask('fine')).toBe('fine')
    await settle()
    expect(await Promise.race([failed, settle().then(() => 'open')])).toMatchObject({ code: 'ACTOR_CRASHED' })
    await stage[Symbol.asyncDispose]()
  })
})

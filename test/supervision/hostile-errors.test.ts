import { behavior, childRef, type ReplyTo, supervisor } from 'troupe'
import { describe, expect, test } from 'vitest'
import { rejection, Stage } from '../kernel/support.ts'

interface Call {
  readonly fails: boolean
  readonly replyTo: ReplyTo<string>
}

/** What throws when it is looked at. */
const hostile: Record<string, () => unknown> = {
  'a revoked proxy': () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    return proxy
  },
  'an error whose message throws': () =>
    Object.defineProperty(new Error(), 'message', {
      get: () => {
        throw new Error('hands off')
      },
    }),
  'what has no text': () => ({
    toString: () => {
      throw new Error('hands off')
    },
  }),
}
const WHERE = ['handler', 'async handler', 'second start', 'stop hook'] as const

const failing = (where: (typeof WHERE)[number], make: () => unknown) => {
  let starts = 0
  return behavior<Call, null>({
    initial: () => {
      if (++starts === 2 && where === 'second start') throw make()
      return null
    },
    receive: (state, { fails, replyTo }) => {
      if (!fails) replyTo.tell('ok')
      else if (where === 'async handler') return Promise.reject(make())
      else throw where === 'handler' ? make() : new Error('plain')
      return state
    },
    onStop: () => {
      if (where === 'stop hook') throw make()
    },
  })
}

describe.each(Object.keys(hostile))('%s', what => {
  test.each(WHERE)('thrown in the %s fails the incarnation and nothing else', { timeout: 2_000 }, async where => {
    await using stage = new Stage()
    const start = failing(where, hostile[what] as () => unknown)
    const top = stage.spawn(supervisor({ intensity: 5, children: [{ id: 'a', start }] }))
    const child = await childRef<Call>(top, 'a')
    const failed = await rejection(child.ask(replyTo => ({ fails: true, replyTo })))
    expect(failed.code).toBe('ACTOR_CRASHED')
    expect(await child.ask(replyTo => ({ fails: false, replyTo }))).toBe('ok')
    await stage.system.terminate({ shutdownMs: 1_000 })
  })
})

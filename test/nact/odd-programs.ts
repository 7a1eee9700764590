import assert from 'node:assert/strict'
import { type Any, type Api, failureOf, sleep, turns } from './support.ts'

/** Programs with what nobody means to write, and what comes of stored, copied and hidden references. */
export const oddPrograms: Readonly<Record<string, (api: Api) => Promise<unknown>>> = {
  'a sender that is null is null': async ({ start, spawn, dispatch, stop }) => {
    const system = start()
    const seen: unknown[] = []
    const actor = spawn(system, (_state: Any, _message: Any, { sender }: Any) => void seen.push(sender?.type ?? sender))
    for (const sender of [undefined, null, 0, 'me', actor]) dispatch(actor, 'hello', sender)
    await turns()
    stop(system)
    return seen
  },

  'a system has any name': async ({ start, spawn, query, dispatch, stop }) => {
    const seen: unknown[] = []
    for (const name of ['a/b', '$', 'ü ü', 5, 'x'.repeat(2_000)]) {
      const system = start({ name })
      const actor = spawn(system, (_state: Any, message: Any, { sender }: Any) => dispatch(sender, message), 'a')
      seen.push(String(actor.path), await query(actor, 'hello', 500))
      stop(system)
    }
    return seen
  },

  'a message that cannot be looked at is sent all the same, also while a query is open': async api => {
    const { start, spawn, dispatch, query, stop } = api
    const system = start()
    let taken = 0
    const actor = spawn(system, () => void taken++)
    const asked = failureOf(query(spawn(system, keep), 'silent', 50))
    dispatch(actor, {
      get type() {
        throw new Error('not yet')
      },
    })
    dispatch(actor, new Proxy({}, { ownKeys: () => assert.fail('nobody may look') }))
    await turns()
    const failure = await asked
    stop(system)
    return [taken, failure]
  },

  'a query whose answer a child was spawned for is waited for when its parent fails': async api => {
    const { start, spawn, dispatch, query, stop } = api
    const system = start()
    const actor = spawn(
      system,
      (_state: Any, _message: Any, { self, sender }: Any) => {
        const child = spawn(self, async () => {
          await sleep(5)
          dispatch(sender, 'by the child')
        })
        dispatch(child, 'go')
        throw new Error('bad')
      },
      'parent',
      { onCrash: (_message: Any, _error: Any, { resume }: Any) => resume },
    )
    const answer = await query(actor, 'ask', 500).catch((error: Error) => error.message)
    stop(system)
    return answer
  },

  'a query that its own function hands on is waited for': async ({ start, spawn, dispatch, query, stop }) => {
    const system = start()
    const helper = spawn(system, async (_state: Any, replyTo: Any) => {
      await sleep(5)
      dispatch(replyTo, 'helped')
    })
    const failing = spawn(system, () => assert.fail('bad'), 'failing')
    const hedged = (replyTo: Any) => {
      dispatch(helper, replyTo)
      return { replyTo }
    }
    const answer = await query(failing, hedged, 500).catch((error: Error) => error.message)
    stop(system)
    return answer
  },

  'a reference that a stored message had means nobody in a later system of the name': async api => {
    const { start, spawn, dispatch, query, stop } = api
    const copyOf = (reference: Any) => JSON.parse(JSON.stringify(reference))
    const seen: unknown[] = []
    const begin = () => {
      const system = start({ name: 'again' })
      const actors = [0, 1, 2].map(() => spawn(system, (_state: Any, message: Any) => void seen.push(message)))
      const open = [0, 1, 2].map(() => {
        let replyTo: Any
        const make = (reference: Any) => {
          replyTo = reference
          return 'asked'
        }
        const answer = query(actors[0], make, 50).catch((error: Error) => error.message)
        return { replyTo, answer }
      })
      return { system, actors, open }
    }
    const former = begin()
    const stored = [...former.actors, ...former.open.map(({ replyTo }) => replyTo)].map(copyOf)
    await turns()
    stop(former.system)
    const later = begin()
    for (const reference of stored) dispatch(reference, 'for the former')
    seen.push(...(await Promise.all(later.open.map(({ answer }) => answer))))
    await turns()
    stop(later.system)
    return seen
  },

  'a query handed on deep in a message, or in one that is large, is waited for': async api => {
    const { start, spawn, dispatch, query, stop } = api
    const system = start()
    const answers: unknown[] = []
    const many = (replyTo: Any) => [...Array.from({ length: 500 }, (_, i) => i), replyTo]
    for (const wrap of [
      (replyTo: Any) => ({ replyTo }),
      (replyTo: Any) => ({ a: { b: [{ c: { replyTo } }] } }),
      (replyTo: Any) => new Map([['in', new Set([replyTo])]]),
      (replyTo: Any) => Object.fromEntries(many(replyTo).map((each, i) => [`key${i}`, each])),
      many,
      (replyTo: Any) => () => replyTo,
      (replyTo: Any) => Promise.resolve(replyTo),
    ]) {
      const helper = spawn(system, async (_state: Any, { work }: Any) => {
        await sleep(5)
        dispatch(await referenceIn(typeof work === 'function' ? work() : work), 'helped')
      })
      const actor = spawn(
        system,
        (_state: Any, { replyTo }: Any) => {
          dispatch(helper, { work: wrap(replyTo) })
          throw new Error('bad')
        },
        undefined,
        { onCrash: (_message: Any, _error: Any, { resume }: Any) => resume },
      )
      answers.push(await query(actor, (replyTo: Any) => ({ replyTo }), 500).catch((error: Error) => error.message))
    }
    stop(system)
    return answers
  },
}

const keep = (state: Any) => state

/** A reference in the middle of other things. */
const referenceIn = async (value: Any): Promise<Any> => {
  const held = await value
  if (held?.type === 'temp') return held
  const inner = held instanceof Map || held instanceof Set ? [...held.values()] : Object.values(held ?? {})
  for (const each of inner) {
    const found = typeof each === 'object' ? await referenceIn(each) : undefined
    if (found !== undefined) return found
  }
}

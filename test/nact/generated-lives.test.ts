import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type Any, type Api, here, nact, quietly, turns } from './support.ts'

/**
 * Lives made by chance: actors that spawn, stop, tell, ask, hand on and fail as they are told, by names and by references old
 * and new. One order is carried out after the other, so that what all of them see has one order, too.
 */

type Policy = 'stop' | 'resume' | 'reset' | 'stopAll' | 'resetAll' | 'nonsense'

type Order =
  | { readonly type: 'spawn'; readonly name: string; readonly policy: Policy; readonly startsWithChild: boolean }
  | { readonly type: 'stop self' | 'fail' | 'fail later' | 'answer' | 'keep the sender' | 'answer the kept' }
  | { readonly type: 'stop child' | 'spawn and tell'; readonly name: string }
  | { readonly type: 'tell'; readonly name: string }
interface Step {
  readonly to: readonly string[]
  readonly how: 'path' | 'old reference' | 'copy' | 'query' | 'query by function'
  readonly order: Order
}

const name = fc.constantFrom('a', 'b', 'c')

const order: fc.Arbitrary<Order> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('spawn' as const),
      name,
      policy: fc.constantFrom<Policy>('stop', 'resume', 'reset', 'stopAll', 'resetAll', 'nonsense'),
      startsWithChild: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constantFrom(
        ...(['stop self', 'fail', 'fail later', 'answer', 'answer', 'keep the sender', 'answer the kept'] as const),
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constantFrom('stop child' as const, 'spawn and tell' as const), name }),
  },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('tell' as const), name }) },
)

const step: fc.Arbitrary<Step> = fc.record({
  to: fc.array(name, { minLength: 1, maxLength: 3 }),
  how: fc.constantFrom('path', 'path', 'old reference', 'copy', 'query', 'query by function'),
  order,
})

const run = async ({ start, spawn, dispatch, query, stop }: Api, steps: readonly Step[]): Promise<unknown> => {
  const seen: unknown[] = []
  const answers: unknown[] = []
  /** The first reference of each path. */
  const references = new Map<string, Any>()
  let kept: Any

  const spawnAt = (parent: Any, name: string, policy: Policy, startsWithChild: boolean): Any => {
    const reference = spawn(parent, handle, name, {
      initialStateFunc: ({ self, path }: Any) => {
        if (startsWithChild && path.parts.length < 3) spawnAt(self, 'a', 'resume', false)
        return 0
      },
      onCrash: (message: Any, error: Error, context: Any, child: Any) => {
        seen.push(['crash', context.name, message?.type, error.message, child?.name, context.mailbox.length])
        return context[policy]
      },
    })
    const key = reference.path.parts.join('/')
    if (!references.has(key)) references.set(key, reference)
    return reference
  }

  const handle = (count: number, message: Any, context: Any): Any => {
    const { self, path, children, parent, sender } = context
    seen.push([path.parts.join('/'), count, message.type, [...children.keys()], parent.name, sender.type])
    switch (message.type) {
      case 'spawn':
        spawnAt(self, message.name, message.policy, message.startsWithChild)
        break
      case 'spawn and tell':
        dispatch(spawnAt(self, message.name, 'stop', false), { type: 'answer' }, sender)
        break
      case 'stop self':
        stop(self)
        break
      case 'stop child':
        stop(children.get(message.name))
        break
      case 'tell':
        dispatch(children.get(message.name), { type: 'answer' }, self)
        break
      case 'keep the sender':
        kept = sender
        break
      case 'answer the kept':
        if (kept !== undefined) dispatch(kept, 'kept')
        break
      case 'answer':
        dispatch(message.replyTo ?? sender, count)
        break
      case 'fail':
        throw new Error('failed')
      case 'fail later':
        return Promise.resolve().then(() => {
          throw new Error('failed later')
        })
    }
    return count + 1
  }

  const system = start({ name: 'lives' })
  for (const name of ['a', 'b', 'c']) spawnAt(system, name, 'reset', name === 'b')
  for (const { to, how, order } of steps) {
    const key = to.join('/')
    const byPath = { type: 'actor', system: { name: 'lives' }, path: { parts: to, system: 'lives' } }
    const known = references.get(key) ?? byPath
    switch (how) {
      case 'path':
        dispatch(byPath, order)
        break
      case 'old reference':
        dispatch(known, order)
        break
      case 'copy':
        dispatch(JSON.parse(JSON.stringify(known)), order)
        break
      default: {
        const message = how === 'query' ? order : (replyTo: Any) => ({ ...order, replyTo })
        const nr = answers.push('none') - 1
        query(known, message, 1_000).then(
          answer => {
            answers[nr] = answer
          },
          // That it is rejected here and waits its time out there is a difference with a test of its own.
          () => undefined,
        )
      }
    }
    await turns(10)
  }
  stop(system)
  return { seen, answers }
}

it('generated lives go the same way', () =>
  quietly(() =>
    fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 14 }), async steps => {
        const expected = await run(nact, steps)
        expect(await run(here, steps)).toEqual(expected)
      }),
      { numRuns: 300 },
    ),
  ))

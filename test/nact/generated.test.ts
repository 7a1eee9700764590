import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type Any, type Api, here, MemoryEngine, nact, quietly, turns } from './support.ts'

/**
 * Programs made by chance: a tree of actors with policies, and rounds of messages, failures and stops. Each round ends when
 * all is quiet, and at most one actor fails in it, so that nact's defects (two handlers at once, actors that work no more)
 * have no occasion; what each actor saw, in its order, is compared.
 */

type Policy = 'none' | 'resume' | 'reset' | 'stop' | 'stopAll' | 'resetAll' | 'escalate'
type Judgement = 'stop' | 'stopChild' | 'resetChild' | 'stopAllChildren' | 'resetAllChildren' | 'reset' | 'escalate'

interface Node {
  /** Index among the nodes before it; -1: under the system. */
  readonly under: number
  readonly policy: Policy
  readonly judgement: Judgement
  readonly isAsync: boolean
  readonly initial: 'none' | 'given' | 'made'
}

type Step =
  | { readonly type: 'tell'; readonly to: number; readonly value: number }
  | { readonly type: 'forward'; readonly to: number; readonly on: number; readonly value: number }
  | { readonly type: 'ask'; readonly to: number }
interface Round {
  readonly steps: readonly Step[]
  readonly end: { readonly type: 'fail' | 'stop' | 'nothing'; readonly at: number }
}

const NODES = 5
const index = fc.nat(NODES - 1)

const node = fc.record({
  under: fc.integer({ min: -1, max: NODES - 2 }),
  policy: fc.constantFrom<Policy>('none', 'resume', 'reset', 'stop', 'stopAll', 'resetAll', 'escalate', 'escalate'),
  judgement: fc.constantFrom<Judgement>(
    'stop',
    'stopChild',
    'resetChild',
    'stopAllChildren',
    'resetAllChildren',
    'reset',
    'escalate',
  ),
  isAsync: fc.boolean(),
  initial: fc.constantFrom<Node['initial']>('none', 'given', 'made'),
})

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ type: fc.constant('tell' as const), to: index, value: fc.integer() }),
  fc.record({ type: fc.constant('forward' as const), to: index, on: index, value: fc.integer() }),
  fc.record({ type: fc.constant('ask' as const), to: index }),
)

const round: fc.Arbitrary<Round> = fc.record({
  steps: fc.array(step, { maxLength: 6 }),
  end: fc.record({ type: fc.constantFrom('fail' as const, 'stop' as const, 'nothing' as const), at: index }),
})

/** What was seen: by each actor in its order, and by whoever asked in the order of asking. */
interface Observed {
  readonly byActor: readonly (readonly unknown[])[]
  readonly hooks: readonly string[]
  readonly answers: readonly unknown[]
}

const run = async (api: Api, nodes: readonly Node[], rounds: readonly Round[]): Promise<Observed> => {
  const { start, spawn, dispatch, query, stop } = api
  const byActor: unknown[][] = nodes.map(() => [])
  const hooks: string[] = []
  const refs: Any[] = []
  const system = start()
  nodes.forEach(({ under, policy, judgement, isAsync, initial }, i) => {
    const seen = byActor[i] as unknown[]
    const handle = (state: Any, message: Any, context: Any): Any => {
      seen.push([message.type, message.value, state, [...context.children.keys()], context.sender?.type])
      switch (message.type) {
        case 'fail':
          throw new Error(`failed ${i}`)
        case 'forward':
          dispatch(refs[message.on], { type: 'tell', value: message.value }, context.self)
          return (state ?? 0) + 1
        case 'ask':
          dispatch(message.replyTo, [i, state])
          return state
        default:
          return (state ?? 0) + (message.value % 1_000)
      }
    }
    const properties: Any = {
      afterStop: (state: Any, { mailbox }: Any) => hooks.push(`${i} stopped with ${state}, ${mailbox.length} left`),
      onCrash: (message: Any, error: Any, context: Any, child: Any) => {
        seen.push(['onCrash', message?.type, error.message, child?.name, context.mailbox.length])
        return context[child === undefined ? policy : judgement]
      },
    }
    if (policy === 'none') delete properties.onCrash
    if (initial === 'given') properties.initialState = i * 10
    if (initial === 'made') properties.initialStateFunc = ({ name }: Any) => name.length
    const parent = under < 0 || under >= i ? system : refs[under]
    const handler = isAsync
      ? async (state: Any, message: Any, context: Any) => {
          await null
          return handle(state, message, context)
        }
      : handle
    refs.push(spawn(parent, handler, `n${i}`, properties))
  })
  const answers: unknown[] = []
  for (const { steps, end } of rounds) {
    const asked: Promise<unknown>[] = []
    for (const each of steps) {
      // Between messages of different senders there is no order.
      if (each.type === 'forward') await turns()
      if (each.type !== 'ask') dispatch(refs[each.to], each)
      else
        asked.push(
          query(refs[each.to], (replyTo: Any) => ({ type: 'ask', replyTo }), 2_000).catch(
            (error: Error) => error.message,
          ),
        )
      if (each.type === 'forward') await turns()
    }
    answers.push(...(await Promise.all(asked)))
    await turns()
    if (end.type === 'fail') dispatch(refs[end.at], { type: 'fail' })
    if (end.type === 'stop') stop(refs[end.at])
    await turns()
  }
  const before = [...hooks]
  stop(system)
  await turns(4)
  return { byActor, hooks: before, answers }
}

it('generated trees of actors see the same', () =>
  quietly(() =>
    fc.assert(
      fc.asyncProperty(
        fc.array(node, { minLength: NODES, maxLength: NODES }),
        fc.array(round, { minLength: 1, maxLength: 5 }),
        async (nodes, rounds) => {
          const [expected, actual] = [await run(nact, nodes, rounds), await run(here, nodes, rounds)]
          expect({ ...actual, hooks: [] }).toEqual({ ...expected, hooks: [] })
          // nact does not stop the children of what stops, so some of theirs are missing there.
          expect(actual.hooks).toEqual(expect.arrayContaining([...expected.hooks]))
        },
      ),
      { numRuns: 150 },
    ),
  ))

type Command =
  | { readonly type: 'persist'; readonly values: readonly number[]; readonly isAwaited: boolean }
  | { readonly type: 'fail' }
  | { readonly type: 'fail after it wrote'; readonly value: number }
  | { readonly type: 'start again' }

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant('persist' as const),
      values: fc.array(fc.nat(9), { minLength: 1, maxLength: 3 }),
      isAwaited: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('fail' as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('fail after it wrote' as const), value: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('start again' as const) }) },
)

const runPersistent = async (
  { start, spawnPersistent, dispatch, query, stop, configurePersistence }: Api,
  commands: readonly Command[],
  snapshotEvery: number,
  policy: string,
): Promise<unknown> => {
  const engine = new MemoryEngine()
  const seen: unknown[] = []
  const system = start(configurePersistence(engine))
  const handle = async (state = '', message: Any, { persist, recovering, sender }: Any) => {
    if (recovering) {
      seen.push(['recovers', state, message])
      return state + message
    }
    switch (message.type) {
      case 'persist':
        for (const value of message.values)
          if (message.isAwaited) await persist(value)
          else void persist(value)
        dispatch(sender, state)
        return state + message.values.join('')
      case 'fail after it wrote':
        await persist(message.value)
        throw new Error('after it wrote')
      case 'fail':
        throw new Error('failed')
      default:
        dispatch(sender, state)
        return state
    }
  }
  const spawn = () =>
    spawnPersistent(system, handle, 'key', 'actor', {
      snapshotEvery,
      onCrash: (_message: Any, error: Any, context: Any) => {
        seen.push(error.message)
        return context[policy]
      },
    })
  let actor = spawn()
  for (const each of commands) {
    if (each.type === 'start again') {
      stop(actor)
      actor = spawn()
    } else if (each.type === 'persist') seen.push(await query(actor, each, 2_000))
    else dispatch(actor, each)
    await turns()
  }
  seen.push(await query(actor, { type: 'read' }, 2_000))
  await turns()
  stop(actor)
  return { seen, contents: engine.contents(), calls: engine.calls }
}

it('generated persistent actors see, store and call the same', () =>
  quietly(() =>
    fc.assert(
      fc.asyncProperty(
        fc.array(command, { maxLength: 12 }),
        fc.nat(4),
        fc.constantFrom('resume', 'reset'),
        async (commands, snapshotEvery, policy) => {
          const expected = await runPersistent(nact, commands, snapshotEvery, policy)
          expect(await runPersistent(here, commands, snapshotEvery, policy)).toEqual(expected)
        },
      ),
      { numRuns: 100 },
    ),
  ))

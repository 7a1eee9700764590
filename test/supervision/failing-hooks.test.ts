/**
 * Every hook, failing in every way, under every strategy and at every level: a tree of three levels, in the middle of which
 * one actor misbehaves. Whatever it does, afterwards nothing of it lives on, and the system terminates.
 *
 *     top ── left, mid ── one, bad, two          `bad` is an actor, a supervisor's child, or a dynamic one
 */
import {
  type ActorContext,
  type ActorRef,
  type Behavior,
  behavior,
  type ChildSpec,
  type Decider,
  dynamicControl,
  dynamicSupervisor,
  type Strategy,
  supervisor,
} from 'troupe'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { settle, VirtualStage } from '../kernel/support.ts'

type How = 'throws' | 'rejects' | 'hangs'
type Hook = 'initial' | 'initial again' | 'receive' | 'onSignal' | 'onStop' | 'onStop after a crash' | 'decider'

const HOWS: readonly How[] = ['throws', 'rejects', 'hangs']
const HOOKS: readonly Hook[] = [
  'initial',
  'initial again',
  'receive',
  'onSignal',
  'onStop',
  'onStop after a crash',
  'decider',
]
const STRATEGIES: readonly Strategy[] = ['one-for-one', 'one-for-all', 'rest-for-one']

const misbehave = (how: How): Promise<never> => {
  if (how === 'throws') throw new Error('thrown')
  return how === 'rejects' ? Promise.reject(new Error('rejected')) : new Promise(() => undefined)
}

/** The incarnations that have begun, and how many of their handlers run. */
class Watcher {
  readonly contexts: (ActorContext<never> & { readonly revoked?: boolean })[] = []
  started = 0

  begin(context: ActorContext<never>): void {
    this.contexts.push(context)
    this.started++
  }

  get alive(): string[] {
    return this.contexts.filter(context => context.revoked !== true).map(context => context.path)
  }
}

const fine = (watcher: Watcher): Behavior<string> =>
  behavior<string, null>({
    initial: context => {
      watcher.begin(context)
      return null
    },
    receive: state => state,
  })

/** Misbehaves at `hook`; a `crash` crashes it. */
const bad = (watcher: Watcher, hook: Hook, how: How): Behavior<string> => {
  let starts = 0
  return behavior<string, null>({
    initial: context => {
      watcher.begin(context)
      starts++
      if (hook === 'initial' || (hook === 'initial again' && starts === 2)) return misbehave(how)
      if (hook === 'onSignal') context.watch(context.spawn(behavior({ initial: () => null, receive: state => state })))
      return null
    },
    receive: (state, message, context) => {
      if (message === 'crash') throw new Error('crashed')
      if (hook === 'receive') return misbehave(how)
      if (hook === 'onSignal') for (const child of childrenOf(context)) child.kill()
      return state
    },
    onSignal: (state, signal) => (hook === 'onSignal' && signal.type === 'terminated' ? misbehave(how) : state),
    onStop: () => (hook === 'onStop' || hook === 'onStop after a crash' ? misbehave(how) : undefined),
    handlerTimeoutMs: 1_000,
  })
}

const childrenOf = (context: ActorContext<never>): Iterable<ActorRef<never>> =>
  (context as unknown as { cell: { children(): Iterable<ActorRef<never>> } }).cell.children()

interface Case {
  readonly hook: Hook
  readonly how: How
  readonly strategy: Strategy
}

interface Tree {
  readonly watcher: Watcher
  readonly root: Behavior<never>
  /** After the tree has been spawned. */
  readonly begin?: (root: ActorRef<never>) => void
}

const deciderOf = ({ hook, how }: Case): { decider: Decider } | object =>
  hook === 'decider' ? { decider: (() => misbehave(how)) as unknown as Decider } : {}

/** `mid` is a supervisor of `bad` between two others. */
const inTheMiddle = (plan: Case, backoff: object): Tree => {
  const watcher = new Watcher()
  const child = (id: string, start: Behavior<never>): ChildSpec => ({ id, start })
  const mid = supervisor({
    strategy: plan.strategy,
    intensity: 4,
    ...backoff,
    ...deciderOf(plan),
    children: [
      child('one', fine(watcher)),
      child('bad', bad(watcher, plan.hook, plan.how)),
      child('two', fine(watcher)),
    ],
  })
  const { strategy } = plan
  const root = supervisor({
    strategy,
    intensity: 2,
    ...backoff,
    children: [child('left', fine(watcher)), child('mid', mid)],
  })
  return { watcher, root }
}

/** `mid` is a dynamic supervisor of `bad` and another one. */
const dynamically = (plan: Case, backoff: object): Tree => {
  const watcher = new Watcher()
  const mid = dynamicSupervisor<'bad' | 'fine', string>({
    restart: 'permanent',
    intensity: 4,
    ...backoff,
    ...deciderOf(plan),
    start: kind => (kind === 'bad' ? bad(watcher, plan.hook, plan.how) : fine(watcher)),
  })
  const starting = behavior<never, null>({
    initial: context => {
      const control = dynamicControl(context.spawn(mid))
      // Whether they started, or the supervisor ended first.
      for (const kind of ['fine', 'bad'] as const) control.start(kind).catch(() => undefined)
      return null
    },
    receive: state => state,
  })
  const root = supervisor({ strategy: plan.strategy, intensity: 2, children: [{ id: 'mid', start: starting }] })
  return { watcher, root }
}

const cases: Case[] = HOOKS.flatMap(hook => HOWS.flatMap(how => STRATEGIES.map(strategy => ({ hook, how, strategy }))))

const unhandled: unknown[] = []
const note = (error: unknown): void => {
  unhandled.push(error)
}
beforeEach(() => {
  unhandled.length = 0
  process.on('unhandledRejection', note)
})
afterEach(() => {
  process.off('unhandledRejection', note)
})

/** Makes `bad` meet its hook, and lets all the time pass that anything might wait for. */
const play = async (stage: VirtualStage, { hook }: Case, watcher: Watcher): Promise<void> => {
  const passTime = async (): Promise<void> => {
    for (let n = 0; n < 12; n++) {
      await settle()
      stage.clock.advance(10_000)
    }
    await settle()
  }
  await settle()
  const victims = watcher.contexts.map(context => context.self as ActorRef<string>)
  const crashing = hook === 'initial again' || hook === 'onStop after a crash' || hook === 'decider'
  for (const victim of victims) victim.tell(crashing && !victim.path.includes('left') ? 'crash' : 'go')
  await passTime()
}

for (const [place, treeOf] of [
  ['under a supervisor', inTheMiddle],
  ['under a dynamic supervisor', dynamically],
] as const)
  for (const [rest, backoff] of [
    ['', {}],
    [', with a backoff', { backoff: { minMs: 10 } }],
  ] as const)
    describe(`${place}${rest}`, () => {
      test.each(cases)('$hook that $how, $strategy: no zombie, and terminate resolves', async plan => {
        const stage = new VirtualStage()
        const { watcher, root } = treeOf(plan, backoff)
        stage.spawn(root, 'top')
        await play(stage, plan, watcher)
        expect(watcher.started).toBeGreaterThan(0)

        // What has begun and not ended is up: it takes messages, and nobody believes otherwise.
        const states = statesIn(stage)
        for (const path of watcher.alive) expect(states.get(path)).toBe('up')
        for (const [path, state] of states) expect([path, state]).toEqual([path, 'up'])

        let ended = false
        void stage.system.terminate().then(() => {
          ended = true
        })
        for (let n = 0; n < 20 && !ended; n++) {
          await settle()
          stage.clock.advance(1_000)
        }
        expect([ended, watcher.alive, stage.clock.pending, unhandled]).toEqual([true, [], 0, []])
      })
    })

const statesIn = (stage: VirtualStage): Map<string, string> => {
  const states = new Map<string, string>()
  const look = (actors: ReturnType<VirtualStage['system']['inspect']>): void => {
    for (const { path, state, children } of actors) {
      states.set(path, state)
      look(children)
    }
  }
  look(stage.system.inspect())
  return states
}

import fc from 'fast-check'
import {
  type Behavior,
  behavior,
  type Decider,
  type Directive,
  ignore,
  type RestartBackoff,
  type SupervisorSpec,
  supervisor,
} from 'troupe'
import { expect, test } from 'vitest'
import { settle, VirtualStage } from '../kernel/support.ts'

type Hook = 'fine' | 'throws' | 'slow' | 'slowly throws' | 'hangs'

interface Leaf {
  readonly kind: 'leaf'
  readonly init: Hook | 'ignores'
  readonly receive: Hook
  readonly stop: Hook
}

interface Tree {
  readonly kind: 'tree'
  readonly spec: Omit<SupervisorSpec, 'children' | 'decider'>
  readonly decides: Directive | 'nothing' | 'throws'
  readonly children: readonly {
    readonly node: Leaf | Tree
    readonly restart: 'permanent' | 'transient' | 'temporary'
    /** How often a message that crashes it is handled. */
    readonly attempts: number
  }[]
}

const hook = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Hook>('fine') },
  { weight: 3, arbitrary: fc.constantFrom<Hook>('throws', 'slow', 'slowly throws', 'hangs') },
)

const leaf: fc.Arbitrary<Leaf> = fc.record({
  kind: fc.constant('leaf'),
  init: fc.oneof({ weight: 9, arbitrary: hook }, { weight: 1, arbitrary: fc.constant<'ignores'>('ignores') }),
  receive: hook,
  stop: hook,
})

const tree = (depth: number): fc.Arbitrary<Tree> =>
  fc.record({
    kind: fc.constant('tree'),
    spec: fc.record(
      {
        strategy: fc.constantFrom('one-for-one', 'one-for-all', 'rest-for-one'),
        intensity: fc.nat(8),
        periodMs: fc.constantFrom(10, 10_000),
        backoff: fc.constantFrom<RestartBackoff>({ minMs: 1 }, { minMs: 20, maxMs: 100 }),
      },
      { requiredKeys: ['strategy', 'intensity', 'periodMs'] },
    ),
    decides: fc.constantFrom('nothing', 'nothing', 'restart', 'resume', 'stop', 'escalate', 'throws'),
    children: fc.array(
      fc.record({
        node: depth === 0 ? leaf : fc.oneof(leaf, tree(depth - 1)),
        restart: fc.constantFrom('permanent', 'transient', 'temporary'),
        attempts: fc.constantFrom(1, 1, 3),
      }),
      { minLength: 1, maxLength: 4 },
    ),
  })

/** How many handlers of each actor run now, and the most that ever did at once in one incarnation. */
class Watcher {
  readonly running = new Map<object, number>()
  mostAtOnce = 0
  /** Incarnations that have begun, and whose context has not been revoked. */
  readonly alive = new Set<{ readonly revoked: boolean }>()
  readonly leaves: { tell(message: 'go'): void; kill(): void }[] = []

  async run(incarnation: object, how: Hook): Promise<void> {
    const now = (this.running.get(incarnation) ?? 0) + 1
    this.running.set(incarnation, now)
    this.mostAtOnce = Math.max(this.mostAtOnce, now)
    if (how === 'hangs') await new Promise(() => undefined)
    if (how === 'slow' || how === 'slowly throws') await settle()
    this.running.set(incarnation, now - 1)
    if (how === 'throws' || how === 'slowly throws') throw new Error(how)
  }
}

const leafBehavior = (plan: Leaf, watcher: Watcher): Behavior<'go'> => {
  let starts = 0
  return behavior<'go', null>({
    initial: async context => {
      watcher.leaves.push(context.self)
      watcher.alive.add(context as unknown as { revoked: boolean })
      // The first start is fine more often than not, so that there is a tree to break.
      if (plan.init === 'ignores') return ignore
      await watcher.run(context, starts++ === 0 ? 'fine' : plan.init)
      return null
    },
    receive: async (state, _message, context) => {
      await watcher.run(context, plan.receive)
      return state
    },
    onStop: (_state, _reason, context) => watcher.run(context, plan.stop),
    startTimeoutMs: 50,
    handlerTimeoutMs: 50,
  })
}

const behaviorOf = (node: Leaf | Tree, watcher: Watcher): Behavior<never> =>
  node.kind === 'leaf'
    ? leafBehavior(node, watcher)
    : supervisor({
        ...node.spec,
        ...(node.decides !== 'nothing' && { decider: deciderOf(node.decides) }),
        children: node.children.map(({ node: child, restart, attempts }, index) => ({
          id: `c${index}`,
          start: behaviorOf(child, watcher),
          restart,
          ...(child.kind === 'leaf' && { shutdownMs: 20, redeliver: { attempts } }),
        })),
      })

const deciderOf =
  (decides: Directive | 'throws'): Decider =>
  () => {
    if (decides === 'throws') throw new Error('the decider')
    return decides
  }

const step = fc.record({
  what: fc.constantFrom('tell', 'tell', 'kill', 'wait'),
  which: fc.nat(20),
})

test('whatever its hooks do, every tree ends: terminate resolves, nothing lives on, one handler at a time', async () => {
  await fc.assert(
    fc.asyncProperty(tree(2), fc.array(step, { minLength: 4, maxLength: 24 }), async (root, steps) => {
      const stage = new VirtualStage()
      const watcher = new Watcher()
      const top = stage.spawn(behaviorOf(root, watcher))
      for (const { what, which } of steps) {
        await settle()
        const target = watcher.leaves[which % Math.max(1, watcher.leaves.length)]
        if (what === 'tell') target?.tell('go')
        else if (what === 'kill') target?.kill()
        else stage.clock.advance(which * 5)
      }
      let ended = false
      void stage.system.terminate().then(() => {
        ended = true
      })
      for (let turn = 0; turn < 2_000 && !ended; turn++) {
        await settle()
        stage.clock.advance(10)
      }
      expect(ended).toBe(true)
      expect(watcher.mostAtOnce).toBeLessThanOrEqual(1)
      expect([...watcher.alive].filter(context => !context.revoked)).toEqual([])
      expect(top.path).toContain('/test/')
    }),
    { numRuns: 400 },
  )
})

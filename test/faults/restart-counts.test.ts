import fc from 'fast-check'
import { type ActorInfo, type ActorRef, type Behavior, behavior, type ChildSpec, stopped, supervisor } from 'troupe'
import { testSystem } from 'troupe/testkit'
import { expect, test } from 'vitest'
import { type Plan, RestartModel, type SupervisorPlan } from './restart-model.ts'

type End = 'throws' | 'throws later' | 'is killed' | 'stops'

const ENDS: readonly End[] = ['throws', 'throws', 'throws later', 'is killed', 'stops']

const supervisorPlan = (levels: number): fc.Arbitrary<SupervisorPlan> =>
  fc.record({
    strategy: fc.constantFrom('one-for-one', 'one-for-all', 'rest-for-one'),
    intensity: fc.nat(3),
    children: fc
      .array(
        fc.record({
          restart: fc.constantFrom('permanent', 'permanent', 'transient', 'temporary'),
          supervises: levels === 1 ? fc.constant(null) : fc.option(supervisorPlan(levels - 1), { freq: 3 }),
        }),
        { minLength: 1, maxLength: 4 },
      )
      .map(children =>
        children.map((child, i): Plan => ({ id: `${child.supervises === null ? 'leaf' : 'tree'}${i}`, ...child })),
      ),
  })

/** The workers of a real tree, as they see their starts themselves. */
class Workers {
  readonly starts = new Map<string, number>()
  readonly refs = new Map<string, ActorRef<End>>()
  private readonly worker = behavior<End, null>({
    initial: ({ self }) => {
      this.starts.set(self.path, (this.starts.get(self.path) ?? 0) + 1)
      this.refs.set(self.path, self)
      return null
    },
    receive: async (_state, end) => {
      if (end === 'stops') return stopped()
      if (end === 'throws later') await null
      throw new Error('on purpose')
    },
  })

  supervisor({ strategy, intensity, children }: SupervisorPlan): Behavior<never> {
    return supervisor({
      strategy,
      intensity,
      periodMs: 1_000_000,
      children: children.map(
        ({ id, restart, supervises }) =>
          ({ id, restart, start: supervises === null ? this.worker : this.supervisor(supervises) }) as ChildSpec,
      ),
    })
  }
}

/** Workers that live. */
const leavesOf = (actors: readonly ActorInfo[]): readonly string[] => {
  const open = [...actors]
  const leaves: string[] = []
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (next.state === 'up' && /\/leaf[^/]*$/.test(next.path)) leaves.push(next.path)
    open.push(...next.children)
  }
  return leaves.sort()
}

test('restart counts are equal to a model’s: three levels, all strategies and restart types', async () => {
  let [ended, gaveUp, most] = [0, 0, 0]
  const steps = fc.array(fc.record({ which: fc.nat(100), end: fc.constantFrom(...ENDS) }), {
    minLength: 1,
    maxLength: 12,
  })
  await fc.assert(
    fc.asyncProperty(supervisorPlan(3), steps, async (plan, ends) => {
      await using kit = testSystem()
      const workers = new Workers()
      const model = new RestartModel('/test/root', plan)
      kit.spawn(workers.supervisor(plan), { name: 'root' })
      await kit.settle()
      for (const { which, end } of ends) {
        const living = [...model.alive].sort()
        const path = living[which % living.length]
        if (path === undefined) break
        const worker = workers.refs.get(path) as ActorRef<End>
        if (end === 'is killed') worker.kill()
        else worker.tell(end)
        model.ends(path, end !== 'stops')
        await kit.settle()
        await kit.advance(1)
        expect(Object.fromEntries(workers.starts), `${path} ${end}`).toEqual(Object.fromEntries(model.starts))
        ended++
      }
      expect(leavesOf(kit.system.inspect())).toEqual([...model.alive].sort())
      if (model.hasGivenUp) gaveUp++
      most = Math.max(most, ...model.starts.values())
    }),
    { numRuns: 1_000 },
  )
  // There was something to count.
  expect(ended).toBeGreaterThan(2_000)
  expect(gaveUp).toBeGreaterThan(100)
  expect(most).toBeGreaterThan(4)
}, 60_000)

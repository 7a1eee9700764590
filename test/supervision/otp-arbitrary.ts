/** Scenarios of the form of `shared/otp`, drawn at random. */

import fc from 'fast-check'
import type { Scenario } from '../../src/cli/supervisor-scenario.ts'

type Event = Scenario['events'][number]
type Kid = Scenario['kids'][number]

/** Long enough for none to end within a scenario: Erlang counts whole seconds of real time. */
const PERIOD = 3_600

/** After some ten failed starts in a row Erlang takes the processor from the supervisor, and its caller speaks in between. */
const INTENSITIES = [0, 1, 2, 3, 4, 5, 8]

const STRATEGIES = ['one_for_one', 'one_for_all', 'rest_for_one']
const REASONS = ['boom', 'other', 'killed', 'normal', 'shutdown', '{shutdown,why}']
const IDS = ['a', 'b', 'c', 'd', 'e']

const reason = fc.constantFrom(...REASONS)
const dies = reason.map(why => `{dies,${why}}`)

/** What a start does: so many of some twenty die at once, or are fine. */
const stepOf = (dying: number, fine: number): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: dying, arbitrary: dies },
    { weight: fine, arbitrary: fc.constant('ok') },
    { weight: 4, arbitrary: fc.constant('error') },
    { weight: 2, arbitrary: fc.constant('ignore') },
    { weight: 2, arbitrary: fc.constant('stubborn') },
  )

/** The first start is fine more often than not, so that there is a tree to break. */
const planOf = (dying: number): fc.Arbitrary<string[]> =>
  fc.tuple(stepOf(dying, 40), fc.array(stepOf(dying, 6), { maxLength: 4 })).map(([first, later]) => [first, ...later])

const kidOf = (id: string, auto: string, dying: number): fc.Arbitrary<Kid> =>
  fc
    .record({
      restart: fc.constantFrom('permanent', 'permanent', 'transient', 'temporary'),
      shutdown: fc.constantFrom<number | string>(1_000, 1_000, 30, 'brutal_kill'),
      significant: fc.boolean(),
      plan: planOf(dying),
    })
    .map(({ restart, shutdown, significant, plan }) => ({
      id,
      restart,
      // Nobody waits a second for one who does not listen.
      shutdown: plan.includes('stubborn') && shutdown === 1_000 ? 30 : shutdown,
      significant: significant && auto !== 'never' && restart !== 'permanent',
      plan,
    }))

const eventOf = (ids: readonly string[]): fc.Arbitrary<Event> => {
  const id = fc.oneof({ weight: 24, arbitrary: fc.constantFrom(...ids) }, { weight: 1, arbitrary: fc.constant('zz') })
  const call = (what: string) => fc.tuple(fc.constant(what), id)
  return fc.oneof(
    { weight: 40, arbitrary: fc.tuple(fc.constant('die'), id, reason) },
    { weight: 10, arbitrary: call('kill') },
    { weight: 14, arbitrary: call('terminate') },
    { weight: 18, arbitrary: call('restart') },
    { weight: 8, arbitrary: call('delete') },
    { weight: 7, arbitrary: fc.constant<Event>(['children']) },
    { weight: 3, arbitrary: fc.constant<Event>(['stop']) },
  )
}

/** A specification that is refused, now and then. */
const flawed = (scenario: Scenario, flaw: number): Scenario => {
  const { flags, kids } = scenario
  switch (flaw) {
    case 0:
      return { ...scenario, flags: { ...flags, period: 0 } }
    case 1:
      return { ...scenario, flags: { ...flags, intensity: -1 } }
    case 2:
      return { ...scenario, flags: { ...flags, strategy: 'zzz' } }
    case 3:
      return { ...scenario, kids: [...kids, kids[0] as Kid] }
    case 4:
      return { ...scenario, kids: kids.map(kid => ({ ...kid, significant: true })) }
    default:
      return scenario
  }
}

const scenarioOf = (dying: number): fc.Arbitrary<Scenario> =>
  fc
    .record({
      count: fc.integer({ min: 1, max: IDS.length }),
      auto: fc.constantFrom('never', 'never', 'any_significant', 'all_significant'),
      strategy: fc.constantFrom(...STRATEGIES),
      intensity: fc.constantFrom(...INTENSITIES),
      flaw: fc.nat(100),
    })
    .chain(({ count, auto, strategy, intensity, flaw }) => {
      const ids = IDS.slice(0, count)
      return fc
        .record({
          kids: fc.tuple(...ids.map(id => kidOf(id, auto, dying))),
          events: fc.array(eventOf(ids), { maxLength: 10 }),
        })
        .map(({ kids, events }) =>
          flawed({ name: '', flags: { strategy, intensity, period: PERIOD, auto_shutdown: auto }, kids, events }, flaw),
        )
    })

/** A child is stopped and started again by hand, and dies at once: caller, supervisor and siblings all have something to say. */
const handRestart: fc.Arbitrary<Scenario> = fc
  .tuple(scenarioOf(0), fc.nat(IDS.length - 1), fc.array(stepOf(12, 2), { minLength: 1, maxLength: 3 }))
  .map(([scenario, which, steps]) => {
    const chosen = scenario.kids[which % scenario.kids.length] as Kid
    const kids = scenario.kids.map(kid =>
      kid === chosen ? { ...kid, restart: 'permanent', significant: false, plan: ['ok', ...steps] } : kid,
    )
    const byHand: readonly Event[] = [['terminate', chosen.id], ['restart', chosen.id], ['children']]
    return { ...scenario, kids, events: [...byHand, ...scenario.events] }
  })

/** All kinds, named by seed and number. The same seed gives the same ones. */
export const drawScenarios = (seed: number, count: number): readonly Scenario[] =>
  fc
    .sample(
      fc.oneof(
        { weight: 2, arbitrary: scenarioOf(0) },
        { weight: 3, arbitrary: scenarioOf(5) },
        { weight: 2, arbitrary: handRestart },
      ),
      { seed, numRuns: count },
    )
    .map((scenario, nr) => ({ ...scenario, name: `drawn_${seed}_${nr}` }))

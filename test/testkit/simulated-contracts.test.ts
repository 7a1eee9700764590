import { type ContractCase, journalContract, SimulatedWorld, sourceContract } from 'troupe/testkit'
import { contractTests } from '../support/contract-tests.ts'

/** Cases whose parts live in a simulated world: it runs until the case has settled. */
const inWorlds = (makeCases: (world: () => SimulatedWorld) => readonly ContractCase[]): readonly ContractCase[] => {
  let world: SimulatedWorld
  return makeCases(() => world).map(({ name, run }, i) => ({
    name,
    run: () => {
      world = new SimulatedWorld(i, { maxMs: 1e9, maxSteps: 1e9 })
      return world.run(run)
    },
  }))
}

for (const partitions of [1, 5])
  contractTests(
    `the simulated store of ${partitions} partitions fulfils the contract of a journal`,
    inWorlds(world =>
      journalContract(
        async () => {
          const store = world().store(partitions)
          const host = world().host('tester')
          return { journal: () => store.journal(host), breakNewestSnapshot: null, remove: async () => undefined }
        },
        { secondOpen: 'fences', modelRuns: 25 },
      ),
    ),
  )

contractTests(
  'the simulated topic fulfils the contract of a message source',
  inWorlds(world =>
    sourceContract(
      async () => {
        const topic = world().topic('said')
        const host = world().host('tester')
        return {
          publish: async label => topic.publish('Said', label),
          source: group => topic.source(host, group),
          labelOf: message => message.payload as string,
          pause: () => world().sleep(10),
          remove: async () => undefined,
        }
      },
      { quietPauses: 20 },
    ),
  ),
)

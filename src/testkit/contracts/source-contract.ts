import type { ContractCase } from './contract-case.ts'
import { sourceDelivering } from './source-delivering.ts'
import { SOURCE_MODEL, sourceModel } from './source-model.ts'
import { SourceScene, type SourceTestBus, sourceCase } from './source-scene.ts'

export interface SourceContractOptions {
  /** How often a case pauses before it concludes that nothing more comes. Default: 20. */
  readonly quietPauses?: number
  /** Random runs against a model. Default: 10. */
  readonly modelRuns?: number
  /** Of those runs. Default: 1. */
  readonly seed?: number
}

/**
 * The contract of a message source, as cases for an adapter of your own. `makeBus` gives a fresh one each time; every case
 * closes and removes what it made. A source that bounds what is given and not done must be set to 128 at least.
 */
export const sourceContract = (
  makeBus: () => Promise<SourceTestBus>,
  { quietPauses = 20, modelRuns = 10, seed = 1 }: SourceContractOptions = {},
): readonly ContractCase[] => {
  const begin = async (): Promise<SourceScene> => new SourceScene(await makeBus(), quietPauses)
  const cases = Object.entries(sourceDelivering).map(([name, test]) => sourceCase(name, begin, [test]))
  return [...cases, sourceCase(SOURCE_MODEL, begin, sourceModel(modelRuns, seed))]
}

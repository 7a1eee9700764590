import { describe, it } from 'vitest'
import type { ContractCase } from '../../src/testkit/contracts/contract-case.ts'

/** A contract of the testkit as tests of this runner. */
export const contractTests = (title: string, cases: readonly ContractCase[]): void => {
  describe(title, () => {
    for (const { name, run } of cases)
      it(name, async context => {
        if ((await run()) === 'skipped') context.skip()
      })
  })
}

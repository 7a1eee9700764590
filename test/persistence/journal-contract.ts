/** The contract of a journal, which users have as `journalContract` of the testkit, run by this project's test runner. */

import { journalContract as contractOf } from '../../src/testkit/contracts/journal-contract.ts'
import type { JournalContractOptions, JournalTestStore } from '../../src/testkit/contracts/journal-scene.ts'
import { contractTests } from '../support/contract-tests.ts'

export { append, collect, written } from '../../src/testkit/contracts/journal-appends.ts'
export type { JournalTestStore as TestStore } from '../../src/testkit/contracts/journal-scene.ts'

export const journalContract = (
  name: string,
  makeStore: () => Promise<JournalTestStore>,
  options: JournalContractOptions,
): void => contractTests(`${name} fulfils the contract of a journal`, contractOf(makeStore, options))

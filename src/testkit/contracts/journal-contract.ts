import type { ContractCase } from './contract-case.ts'
import { journalDeleting, journalFencesDeleting } from './journal-deleting.ts'
import { journalFencesFirst, journalLife, journalRefusesSecond } from './journal-life.ts'
import { journalModel } from './journal-model.ts'
import { journalReading } from './journal-reading.ts'
import { type JournalContractOptions, type JournalTestStore, journalCases } from './journal-scene.ts'
import { journalSnapshots } from './journal-snapshots.ts'
import { journalWriting } from './journal-writing.ts'

/**
 * The contract of a journal, snapshots and cursors included, as cases for an adapter of your own. `makeStore` gives a
 * fresh store each time; every case closes and removes what it made. Of a journal without `deleteTo` or `tombstone` the
 * cases about those are skipped.
 */
export const journalContract = (
  makeStore: () => Promise<JournalTestStore>,
  { secondOpen, modelRuns, seed = 1 }: JournalContractOptions,
): readonly ContractCase[] =>
  journalCases(makeStore, {
    ...journalWriting,
    ...journalReading,
    ...journalSnapshots,
    ...journalDeleting,
    ...journalLife,
    ...(secondOpen === 'refused' ? journalRefusesSecond : { ...journalFencesFirst, ...journalFencesDeleting }),
    ...journalModel(modelRuns, seed),
  })

import type { ContractCase } from './contract-case.ts'
import { journalDeleting, journalFencesDeleting } from './journal-deleting.ts'
import { journalFencesFirst, journalLife, journalRefusesSecond } from './journal-life.ts'
import { journalModel } from './journal-model.ts'
import { journalReading } from './journal-reading.ts'
import { journalFencesRollingOut, journalRollingOut } from './journal-rolling-out.ts'
import { type JournalContractOptions, type JournalTestStore, journalCases } from './journal-scene.ts'
import { journalSnapshots } from './journal-snapshots.ts'
import { journalValues } from './journal-values.ts'
import { journalWriting } from './journal-writing.ts'

/**
 * The contract of a journal, snapshots and cursors included, as cases for an adapter of your own. `makeStore` gives a
 * fresh store each time; every case closes and removes what it made. Of a journal without `deleteTo`, `tombstone` or `rollOut`
 * the cases about those are skipped; one with `rollOut` must have segments of some 8 kB at most.
 */
export const journalContract = (
  makeStore: () => Promise<JournalTestStore>,
  { secondOpen, modelRuns, seed = 1 }: JournalContractOptions,
): readonly ContractCase[] =>
  journalCases(makeStore, {
    ...journalWriting,
    ...journalValues,
    ...journalReading,
    ...journalSnapshots,
    ...journalDeleting,
    ...journalRollingOut,
    ...journalLife,
    ...(secondOpen === 'refused'
      ? journalRefusesSecond
      : { ...journalFencesFirst, ...journalFencesDeleting, ...journalFencesRollingOut }),
    ...journalModel(modelRuns, seed),
  })

import type { Journal } from '../../persistence/journal.ts'
import { partitionOf } from '../../persistence/partition.ts'
import type { ContractCase } from './contract-case.ts'

/** A store of the adapter that is tested: opened again and again, as a program is that starts, stops and starts. */
export interface JournalTestStore {
  /** Another journal on the same store, not opened yet. */
  journal(): Journal
  /** Makes the newest snapshot of an id unreadable; null where the store keeps objects and there is nothing to break. */
  readonly breakNewestSnapshot: ((persistenceId: string) => Promise<void>) | null
  remove(): Promise<void>
}

export interface JournalContractOptions {
  /** What a second `open` meets while the first journal is open: it is refused, or it fences the first. */
  readonly secondOpen: 'refused' | 'fences'
  /** Random runs against a model. */
  readonly modelRuns: number
  /** Of those runs. Default: 1. */
  readonly seed?: number
}

/** What one case made, to be closed and removed after it. */
export class JournalScene {
  private readonly makeStore: () => Promise<JournalTestStore>
  private readonly stores: JournalTestStore[] = []
  private readonly opened: Journal[] = []

  constructor(makeStore: () => Promise<JournalTestStore>) {
    this.makeStore = makeStore
  }

  async make(): Promise<JournalTestStore> {
    const store = await this.makeStore()
    this.stores.push(store)
    return store
  }

  async open(store: JournalTestStore): Promise<Journal> {
    const journal = store.journal()
    this.opened.push(journal)
    await journal.open()
    return journal
  }

  async fresh(): Promise<Journal> {
    return this.open(await this.make())
  }

  async end(): Promise<void> {
    for (const journal of this.opened.splice(0)) await journal.close()
    for (const store of this.stores.splice(0)) await store.remove()
  }
}

/** Answers `skipped` where the promise does not apply to the store; anything else means passed. */
export type JournalTest = (scene: JournalScene) => Promise<unknown>

/** Makes cases of tests, each with a scene of its own. */
export const journalCases = (
  makeStore: () => Promise<JournalTestStore>,
  tests: Readonly<Record<string, JournalTest>>,
): readonly ContractCase[] =>
  Object.entries(tests).map(([name, test]) => ({
    name,
    run: async () => {
      const scene = new JournalScene(makeStore)
      try {
        return (await test(scene)) === 'skipped' ? 'skipped' : 'passed'
      } finally {
        await scene.end()
      }
    },
  }))

/** An id of that partition, whatever their number. */
export const idIn = (journal: Journal, prefix: string, partition = 0): string => {
  for (let i = 0; ; i++) if (partitionOf(`${prefix}${i}`, journal.partitions) === partition) return `${prefix}${i}`
}

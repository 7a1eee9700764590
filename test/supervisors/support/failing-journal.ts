import { type Append, type AppendResult, type Journal, RuntimeError } from 'troupe'

/** What becomes of a commit: not written at all, or written with its answer lost. Null: nothing happens to it. */
export type Fate = 'lost' | 'answer-lost' | null

/** A journal whose commits fail as `fateOf` says, with an outcome that its user cannot know; all else is the real one's. */
export const failingJournal = (
  journal: Journal,
  fateOf: (appends: readonly Append[], partition: number) => Fate,
): Journal => {
  const commit: Journal['commit'] = async (partition, appends, cursors) => {
    const fate = fateOf(appends, partition)
    let results: readonly AppendResult[] = []
    if (fate !== 'lost') results = await journal.commit(partition, appends, cursors)
    if (fate === null) return results
    throw new RuntimeError('JOURNAL_UNAVAILABLE', `${journal.name}: a write failed, on purpose: ${fate}`, {
      retryable: true,
    })
  }
  return new Proxy(journal, {
    get: (target, name) => {
      if (name === 'commit') return commit
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

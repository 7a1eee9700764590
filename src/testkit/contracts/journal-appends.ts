import { unreachable } from '../../base/assert.ts'
import { isRuntimeError } from '../../base/errors.ts'
import type { Append, AppendResult, Handled, HandledId, StoredAppend } from '../../persistence/journal.ts'

let drawn = 0

const HANDLED: readonly ((nr: number) => Handled | HandledId | null)[] = [
  nr => ({ source: 'bridge', partition: 0, position: nr, outstanding: [nr - 2, nr - 1] }),
  () => null,
  nr => ({ source: 'topics', position: null, id: `/shop ${nr}` }),
]

/**
 * An append as writers make them, with a record of each name (`->name`: a command); what a test does not care about has a
 * value of its own kind all the same.
 */
export const append = (persistenceId: string, expectedSequenceNr: number, ...names: string[]): Append => {
  const nr = ++drawn
  return {
    persistenceId,
    expectedSequenceNr,
    appendId: `append-${nr}`,
    timeMs: 1_760_000_000_000 + nr,
    causationId: nr % 2 === 0 ? `append-${nr - 1}.0` : null,
    correlationId: nr % 3 === 0 ? `flow-${nr}` : null,
    traceParent: nr % 5 === 0 ? '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' : null,
    principal: nr % 4 === 0 ? `user:${nr}` : null,
    compensates: nr % 7 === 0 ? `append-${nr - 2}.0` : null,
    handled: HANDLED[nr % HANDLED.length]!(nr),
    records: (names.length === 0 ? ['Happened'] : names).map((name, i) => ({
      kind: name.startsWith('->') ? 'command' : 'event',
      type: name,
      version: name.startsWith('->') ? 1 : 1 + (nr % 3),
      payload: { type: name, nr, i, amount: 12.5 + nr, note: `note ${nr}`, tags: ['a', 'b'], nested: { open: true } },
    })),
  }
}

/** Results in short: `7`, `7 again`, `conflict at 3`, `deleted to 2`, `tombstoned`. */
export const written = (results: readonly AppendResult[]): readonly string[] => results.map(inShort)

const inShort = (result: AppendResult): string => {
  switch (result.status) {
    case 'written':
      return `${result.position}${result.repeated ? ' again' : ''}`
    case 'conflict':
      return `conflict at ${result.actualSequenceNr}`
    case 'deleted':
      return `deleted to ${result.deletedTo}`
    case 'tombstoned':
      return 'tombstoned'
    default:
      return unreachable(result, 'status of an append')
  }
}

export const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

/** An append as it stands in the log. */
export const at = (stored: Append, partition: number, position: number): StoredAppend => ({
  ...stored,
  partition,
  position,
})

/** The code of the RuntimeError that a call fails with; `nothing` where it does not fail. */
export const codeOf = async (call: () => unknown): Promise<string> => {
  try {
    await call()
  } catch (error) {
    if (isRuntimeError(error)) return error.code
    throw error
  }
  return 'nothing'
}

import { RuntimeError } from '../base/errors.ts'

/** An actor that may wait for answers: those that its running handler asked for through its context. */
export interface Asker {
  readonly path: string
  /** Empty unless its handler is still running. */
  readonly awaited: readonly Awaited[]
}

interface Awaited {
  readonly target: Asker
  readonly settled: boolean
}

/**
 * The error for an ask of `asker` that nobody can answer, since whom it asks waits, over any number of others, for `asker`
 * itself; or null. Looks through those only that wait for an answer inside a handler.
 */
export const cycleError = (asker: Asker, asked: Asker): RuntimeError | null => {
  const cameFrom = new Map<Asker, Asker>([[asked, asker]])
  const open = [asked]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (next === asker) return asError(chain(cameFrom, asker))
    for (const { settled, target } of next.awaited)
      if (!settled && !cameFrom.has(target)) {
        cameFrom.set(target, next)
        open.push(target)
      }
  }
  return null
}

const chain = (cameFrom: Map<Asker, Asker>, asker: Asker): string[] => {
  const paths = [asker.path]
  for (let at = cameFrom.get(asker) as Asker; at !== asker; at = cameFrom.get(at) as Asker) paths.push(at.path)
  paths.push(asker.path)
  return paths.reverse()
}

const asError = (paths: string[]): RuntimeError =>
  new RuntimeError(
    'ASK_CYCLE',
    `${paths.join(' asks ')}: each waits in its handler for the next, so none would be answered. ` +
      'Ask without awaiting (context.pipeToSelf brings the answer as a message), or tell.',
  )

/** One place in which two states differ; a side that has nothing there is undefined. */
export interface Change {
  /** Keys and indexes from the root. */
  readonly path: readonly (string | number)[]
  readonly before: unknown
  readonly after: unknown
}

/**
 * Where two states of plain data differ, in the order of the keys: the deepest places, and a whole part where it came, went
 * or became something of another kind. Of arrays, elements of the same index are compared.
 */
export const difference = (before: unknown, after: unknown): readonly Change[] => {
  const changes: Change[] = []
  compare(before, after, [], changes)
  return changes
}

const compare = (before: unknown, after: unknown, path: readonly (string | number)[], changes: Change[]): void => {
  if (before === after || Object.is(before, after)) return
  const kind = kindOf(before)
  if (kind !== kindOf(after) || !isContainer(kind)) {
    if (!isSameLeaf(before, after)) changes.push({ path, before, after })
    return
  }
  const [old, present] = [before as Parts, after as Parts]
  for (const key of new Set([...Object.keys(old), ...Object.keys(present)]))
    compare(old[key], present[key], [...path, kind === 'array' ? Number(key) : key], changes)
}

interface Parts {
  readonly [key: string]: unknown
}

const kindOf = (value: unknown): string => {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'array'
  if (value instanceof Date) return 'date'
  if (value instanceof Uint8Array) return 'bytes'
  return typeof value
}

const isContainer = (kind: string): boolean => kind === 'object' || kind === 'array'

const isSameLeaf = (before: unknown, after: unknown): boolean => {
  if (before instanceof Date && after instanceof Date) return before.getTime() === after.getTime()
  if (before instanceof Uint8Array && after instanceof Uint8Array) return Buffer.compare(before, after) === 0
  return false
}

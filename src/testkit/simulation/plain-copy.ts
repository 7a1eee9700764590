/**
 * A frozen copy of plain data, as it would come back from a store that encodes: nothing of the objects themselves arrives,
 * only what they say. -0 comes back as 0.
 */
export const plainCopy = <Value>(value: Value): Value => copy(value) as Value

const copy = (value: unknown): unknown => {
  if (typeof value !== 'object' || value === null) return value === 0 ? 0 : value
  if (Array.isArray(value)) return Object.freeze(value.map(copy))
  if (value instanceof Date) return new Date(value)
  if (value instanceof Uint8Array) return Uint8Array.from(value)
  const made: Record<string, unknown> = {}
  for (const key of Object.keys(value)) made[key] = copy((value as Record<string, unknown>)[key])
  return Object.freeze(made)
}

/**
 * Freezes plain objects and arrays all the way down, in place, and gives back what it was given. **Bounds**: instances of
 * classes (refs, Dates, Maps, typed arrays) are left as they are: they may need to change, or cannot be frozen.
 */
export const deepFreeze = <Value>(value: Value): Value => {
  // What is frozen already is looked into all the same: it may be so on its surface only.
  const seen = new Set<object>()
  const open: unknown[] = [value]
  while (open.length > 0) {
    const part = open.pop()
    if (!isPlain(part) || seen.has(part)) continue
    seen.add(part)
    Object.freeze(part)
    // One at a time: as arguments of one call, some 100,000 would not fit the stack.
    for (const inner of Object.values(part)) open.push(inner)
  }
  return value
}

const isPlain = (value: unknown): value is object => {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === Array.prototype || prototype === null
}

/**
 * Cuts a list down to a part that still fails, of which nothing can be left out alone: delta debugging. `stillFails` is asked
 * for parts in their order; that all of it fails is known. **Bounds**: at most `triesMax` questions; then the smallest part
 * found so far. **Source**: Zeller and Hildebrandt, Simplifying and Isolating Failure-Inducing Input, 2002.
 */
export const shrink = async <Item>(
  all: readonly Item[],
  stillFails: (part: readonly Item[]) => Promise<boolean>,
  triesMax = 300,
): Promise<readonly Item[]> => {
  let current = all
  let tries = 0
  const fails = async (part: readonly Item[]): Promise<boolean> => tries++ < triesMax && stillFails(part)
  if (all.length > 0 && (await fails([]))) return []
  for (let parts = 2; current.length >= 2 && parts <= current.length; ) {
    const smaller = await smallerPart(current, parts, fails)
    if (smaller !== null) {
      current = smaller
      parts = Math.max(2, Math.min(parts - 1, current.length))
    } else if (parts === current.length) break
    else parts = Math.min(current.length, parts * 2)
  }
  return current
}

/** The list without one of its `parts` parts, where that still fails. */
const smallerPart = async <Item>(
  list: readonly Item[],
  parts: number,
  fails: (part: readonly Item[]) => Promise<boolean>,
): Promise<readonly Item[] | null> => {
  const size = Math.ceil(list.length / parts)
  for (let from = 0; from < list.length; from += size) {
    const rest = [...list.slice(0, from), ...list.slice(from + size)]
    if (await fails(rest)) return rest
  }
  return null
}

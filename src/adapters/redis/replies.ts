/** How Redis lays out what it answers. */

import type { StoredBlock } from '../packed/engine.ts'

export type StreamEntry = readonly [id: Buffer, fields: readonly [name: Buffer, packed: Buffer]]

/** Entries of a log: their ids are positions. */
export const parseEntries = (entries: readonly StreamEntry[]): StoredBlock[] =>
  entries.map(([id, [, packed]]) => ({ firstPosition: Number.parseInt(id.toString(), 10), packed }))

/** What comes by turns: field, value, field, value. */
export const pairs = (flat: readonly Buffer[]): [Buffer, Buffer][] => {
  const found: [Buffer, Buffer][] = []
  for (let i = 0; i + 1 < flat.length; i += 2) found.push([flat[i]!, flat[i + 1]!])
  return found
}

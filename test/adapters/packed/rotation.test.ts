import { afterEach, expect, it } from 'vitest'
import { LmdbEngine } from '../../../src/adapters/lmdb/lmdb-engine.ts'
import type { HeadEntry } from '../../../src/adapters/packed/engine.ts'
import { PackedJournal } from '../../../src/adapters/packed/packed-journal.ts'
import type { Journal } from '../../../src/persistence/journal.ts'
import { append } from '../../persistence/journal-contract.ts'
import { lmdbStore } from '../lmdb/lmdb-store.ts'

/** How many heads went behind, and where the log ended. */
interface Rotation {
  readonly heads: number
  readonly lastPosition: number
}

class Watched extends LmdbEngine {
  readonly rotations: Rotation[] = []
  override rotated(partition: number, entries: Iterable<HeadEntry>, lastPosition: number): void {
    // They can be walked through once.
    const heads = [...entries]
    this.rotations.push({ heads: heads.length, lastPosition })
    super.rotated(partition, heads, lastPosition)
  }
}

const ended: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of ended.splice(0)) await end()
})

const opened = async (): Promise<{ journal: Journal; rotations: readonly Rotation[] }> => {
  const place = lmdbStore()
  const engine = new Watched(place.path, 1)
  const journal = new PackedJournal(engine, null)
  ended.push(async () => {
    await journal.close()
    await place.remove()
  })
  await journal.open()
  return { journal, rotations: engine.rotations }
}

it('heads in memory go to the store when there are 32,768 of them, and an id whose head went is known all the same', async () => {
  const { journal, rotations } = await opened()
  const idsPerCommit = 1_024
  for (let commit = 0; commit < 64; commit++) {
    await journal.commit(
      0,
      Array.from({ length: idsPerCommit }, (_, i) => append(`id ${commit * idsPerCommit + i}`, 0)),
    )
    // A commit that finds 32,768 sends them off.
    expect(rotations.length).toBe(commit < 32 ? 0 : 1)
  }
  await journal.commit(0, [append('id 0', 1)])
  expect(rotations).toEqual([
    { heads: 32_768, lastPosition: 32_768 },
    { heads: 32_768, lastPosition: 65_536 },
  ])
  expect(await journal.lastSequenceNr('id 0')).toBe(2)
  expect(await journal.lastSequenceNr('id 1')).toBe(1)
}, 60_000)

it('the heads of a few ids go to the store after 262,144 records, so that a crash leaves no long log to read', async () => {
  const { journal, rotations } = await opened()
  const names = Array.from({ length: 8_192 }, () => 'A')
  for (let commit = 0; commit < 33; commit++) await journal.commit(0, [append('a', commit * names.length, ...names)])
  expect(rotations).toEqual([{ heads: 1, lastPosition: 262_144 }])
}, 60_000)

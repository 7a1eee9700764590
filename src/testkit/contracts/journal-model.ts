import { deepStrictEqual, strictEqual } from 'node:assert/strict'
import { type Random, seededRandom } from '../../base/ports.ts'
import { type Append, type Journal, lastSequenceNr, type StoredAppend } from '../../persistence/journal.ts'
import { append, at, collect, written } from './journal-appends.ts'
import { idIn, type JournalScene, type JournalTest, type JournalTestStore } from './journal-scene.ts'

const IDS = 5
const STEPS_MAX = 25
const APPENDS_MAX = 12

/** Random commits, conflicts, repeats, reads and restarts, beside an array of appends that does the same. */
export const journalModel = (runs: number, seed: number): Readonly<Record<string, JournalTest>> => ({
  'does what an array of appends would do, over random commits, conflicts, repeats and restarts': async scene => {
    for (let run = 0; run < runs; run++)
      try {
        await new ModelRun(scene, seededRandom(seed + run)).run()
      } catch (error) {
        if (error instanceof Error) error.message = `seed ${seed + run}: ${error.message}`
        throw error
      }
  },
})

class ModelRun {
  private readonly scene: JournalScene
  private readonly random: Random
  private readonly model: StoredAppend[] = []
  private store!: JournalTestStore
  private journal!: Journal
  private ids: readonly string[] = []

  constructor(scene: JournalScene, random: Random) {
    this.scene = scene
    this.random = random
  }

  async run(): Promise<void> {
    this.store = await this.scene.make()
    this.journal = await this.scene.open(this.store)
    this.ids = Array.from({ length: IDS }, (_, i) => idIn(this.journal, `model${i}-`))
    for (let left = this.below(STEPS_MAX); left > 0; left--) await this.step()
    strictEqual(await this.journal.lastPosition(0), this.end)
    for (const id of this.ids) strictEqual(await this.journal.lastSequenceNr(id), this.lastOf(id))
    deepStrictEqual(await this.journal.readLog(0, 1, 10_000), this.model)
    await this.scene.end()
  }

  private async step(): Promise<void> {
    const dice = this.below(10)
    if (dice === 0) {
      await this.journal.close()
      this.journal = await this.scene.open(this.store)
    } else if (dice === 1) await this.read(1 + this.below(30))
    else await this.commit()
  }

  private async read(from: number): Promise<void> {
    for (const id of this.ids)
      deepStrictEqual(
        await collect(this.journal.read(id, from)),
        this.ofId(id).filter(stored => lastSequenceNr(stored) >= from),
      )
    deepStrictEqual(
      await this.journal.readLog(0, from, 10_000),
      this.model.filter(stored => stored.position + stored.records.length > from),
    )
  }

  private async commit(): Promise<void> {
    const appends: Append[] = []
    const expected: string[] = []
    const news: StoredAppend[] = []
    const refused = new Set<string>()
    const last = new Map(this.ids.map(id => [id, this.lastOf(id)]))
    let position = this.end + 1
    for (let left = this.below(APPENDS_MAX); left > 0; left--) {
      const old = this.model.length > 0 && this.below(7) === 0 ? this.model[this.below(this.model.length)] : undefined
      if (old !== undefined) {
        const { partition: _, position: was, ...again } = old
        appends.push(again)
        const { persistenceId: id } = old
        expected.push(refused.has(id) ? `conflict at ${last.get(id)}` : `${was} again`)
        continue
      }
      const id = this.ids[this.below(IDS)] as string
      const known = last.get(id) as number
      const beside = this.below(7) === 0 ? this.below(7) - 3 : 0
      const names = Array.from({ length: 1 + this.below(4) }, (_, i) => `E${i}`)
      const made = append(id, Math.max(0, known + beside), ...names)
      appends.push(made)
      if (refused.has(id) || made.expectedSequenceNr !== known) {
        refused.add(id)
        expected.push(`conflict at ${known}`)
      } else {
        news.push(at(made, 0, position))
        expected.push(`${position}`)
        position += made.records.length
        last.set(id, lastSequenceNr(made))
      }
    }
    deepStrictEqual(written(await this.journal.commit(0, appends)), expected)
    this.model.push(...news)
  }

  private ofId(id: string): readonly StoredAppend[] {
    return this.model.filter(stored => stored.persistenceId === id)
  }

  private lastOf(id: string): number {
    return this.ofId(id).reduce((last, stored) => Math.max(last, lastSequenceNr(stored)), 0)
  }

  private get end(): number {
    return this.model.reduce((sum, stored) => sum + stored.records.length, 0)
  }

  private below(limit: number): number {
    return Math.floor(this.random.next() * limit)
  }
}

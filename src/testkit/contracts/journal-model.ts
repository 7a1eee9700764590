import { deepStrictEqual, strictEqual } from 'node:assert/strict'
import { type Random, seededRandom } from '../../base/ports.ts'
import { type Append, type Journal, lastSequenceNr, type StoredAppend } from '../../persistence/journal.ts'
import { append, at, codeOf, collect, written } from './journal-appends.ts'
import { idIn, type JournalScene, type JournalTest, type JournalTestStore } from './journal-scene.ts'

const IDS = 5
const STEPS_MAX = 25
const APPENDS_MAX = 12

/**
 * Random commits, conflicts, repeats, reads, deletions, roll-outs and restarts, beside an array of appends that does the
 * same. Where the journal has them: about one step of ten deletes, one of forty ends an id, one of ten rolls segments out.
 */
export const journalModel = (runs: number, seed: number): Readonly<Record<string, JournalTest>> => ({
  'does what an array of appends would do, over random commits, conflicts, repeats, deletions, roll-outs and restarts':
    async scene => {
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
  /** What is deleted of each id, and the ids that were ended. */
  private readonly deletedTo = new Map<string, number>()
  private readonly dead = new Set<string>()
  /** Where the log begins for those that read it by position. */
  private begin = 1
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
    for (const id of this.ids)
      if (!this.dead.has(id)) strictEqual(await this.journal.lastSequenceNr(id), this.lastOf(id))
    await this.read(1)
    deepStrictEqual(
      await this.journal.readLog(0, 1, 10_000),
      this.model.filter(stored => stored.position >= this.begin),
    )
    await this.scene.end()
  }

  private async step(): Promise<void> {
    const dice = this.below(10)
    if (dice === 0) {
      await this.journal.close()
      this.journal = await this.scene.open(this.store)
    } else if (dice === 1) await this.read(1 + this.below(30))
    else if (dice === 2) await this.forget()
    else if (dice === 3) await this.rollOut()
    else await this.commit()
  }

  private async forget(): Promise<void> {
    const id = this.ids[this.below(IDS)] as string
    if (this.journal.tombstone !== undefined && this.below(4) === 0) {
      await this.journal.tombstone(id)
      this.dead.add(id)
    } else if (this.journal.deleteTo !== undefined) {
      const to = this.below(this.lastOf(id) + 3)
      await this.journal.deleteTo(id, to)
      const deletedTo = Math.max(this.deletedTo.get(id) ?? 0, Math.min(to, this.lastOf(id)))
      if (!this.dead.has(id)) this.deletedTo.set(id, deletedTo)
    }
  }

  /** What is deleted may be gone by position as well; the model's own reader of the log has no cursor that would keep it. */
  private async rollOut(): Promise<void> {
    if (this.journal.rollOut === undefined) return
    const { dropped } = await this.journal.rollOut()
    if (dropped === 0) return
    const [first] = await this.journal.readLog(0, 1, 1)
    this.begin = first?.position ?? this.end + 1
    for (const stored of this.model)
      if (stored.position < this.begin)
        strictEqual(
          this.dead.has(stored.persistenceId) || lastSequenceNr(stored) <= this.deletedOf(stored.persistenceId),
          true,
        )
  }

  private async read(from: number): Promise<void> {
    for (const id of this.ids)
      if (this.dead.has(id)) strictEqual(await codeOf(() => collect(this.journal.read(id, from))), 'JOURNAL_TOMBSTONED')
      else
        deepStrictEqual(
          await collect(this.journal.read(id, from)),
          this.ofId(id).filter(stored => lastSequenceNr(stored) >= Math.max(from, this.deletedOf(id) + 1)),
        )
    deepStrictEqual(
      await this.journal.readLog(0, from, 10_000),
      this.model.filter(stored => stored.position >= this.begin && stored.position + stored.records.length > from),
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
        const isDeleted = lastSequenceNr(old) <= this.deletedOf(id)
        if (this.dead.has(id)) expected.push('tombstoned')
        else if (refused.has(id)) expected.push(`conflict at ${last.get(id)}`)
        else expected.push(isDeleted ? `deleted to ${this.deletedOf(id)}` : `${was} again`)
        if (isDeleted) refused.add(id)
        continue
      }
      const id = this.ids[this.below(IDS)] as string
      const known = last.get(id) as number
      const beside = this.below(7) === 0 ? this.below(7) - 3 : 0
      const names = Array.from({ length: 1 + this.below(4) }, (_, i) => `E${i}`)
      const made = append(id, Math.max(0, known + beside), ...names)
      appends.push(made)
      if (this.dead.has(id)) expected.push('tombstoned')
      else if (refused.has(id) || made.expectedSequenceNr !== known) {
        const isDeleted = !refused.has(id) && made.expectedSequenceNr < this.deletedOf(id)
        refused.add(id)
        expected.push(isDeleted ? `deleted to ${this.deletedOf(id)}` : `conflict at ${known}`)
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

  private deletedOf(id: string): number {
    return this.deletedTo.get(id) ?? 0
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

import { deepStrictEqual, ok } from 'node:assert/strict'
import { type Random, seededRandom } from '../../base/ports.ts'
import type { SourceMessage } from '../../messaging/message-source.ts'
import { type SourceReader, type SourceScene, type SourceTest, said } from './source-scene.ts'

export const SOURCE_MODEL =
  'does what a list of messages would do, over random publications, redeliveries, restarts and openings'

const STEPS_MAX = 20
const PUBLISHED_AT_ONCE_MAX = 8
const GROUP = 'model'

/** Random publications, `done` in any order, reads of what was given, restarts and openings without a close. */
export const sourceModel = (runs: number, seed: number): readonly SourceTest[] =>
  Array.from({ length: runs }, (_, run) => async scene => {
    try {
      await new ModelRun(scene, seededRandom(seed + run)).run()
    } catch (error) {
      if (error instanceof Error) error.message = `seed ${seed + run}: ${error.message}`
      throw error
    }
  })

/**
 * A list of what was published, and what is known of each:
 *
 *     done done │ done  -   done  -    -
 *               └ floor: nothing before it may come again; from it on all that is not done must, and the rest may
 *
 * The floor is what a source has that keeps one number: up to where everything was done within an opening.
 */
class ModelRun {
  private readonly scene: SourceScene
  private readonly random: Random
  /** As each was given at first; null: it was not yet. */
  private readonly published: (SourceMessage | null)[] = []
  private readonly done = new Set<number>()
  private floor = 0
  private reader!: SourceReader
  /** Of `reader.taken`: where its present opening begins. */
  private openedAt = 0
  /** Places that were done in the present opening. */
  private readonly doneNow = new Set<number>()

  constructor(scene: SourceScene, random: Random) {
    this.scene = scene
    this.random = random
  }

  async run(): Promise<void> {
    await this.publish()
    this.reader = await this.scene.open(GROUP)
    for (let left = 5 + this.below(STEPS_MAX); left > 0; left--) await this.step()
    await this.restart()
    await this.take()
    await this.scene.quiet(this.reader)
    this.check()
    this.end(() => true)
    await this.close()
    await this.scene.has(await this.scene.open(GROUP))
  }

  private async step(): Promise<void> {
    const dice = this.below(10)
    if (dice < 3) await this.publish()
    else if (dice < 5) await this.take()
    else if (dice < 8) this.end(() => this.below(3) > 0)
    else if (dice === 8) await this.readAgain()
    else if (this.below(2) === 0) await this.restart()
    else await this.openAgain()
  }

  private async publish(): Promise<void> {
    for (let left = 1 + this.below(PUBLISHED_AT_ONCE_MAX); left > 0; left--) {
      this.published.push(null)
      await this.scene.publish(`m${this.published.length - 1}`)
    }
  }

  /** Everything comes that must. */
  private async take(): Promise<void> {
    await this.scene.until(this.reader, () => this.missing.length === 0)
    this.check()
    deepStrictEqual(this.missing, [])
    const last = this.given.at(-1)?.message
    const { givenTo } = this.reader
    if (last !== undefined && givenTo !== null) ok(givenTo >= (last.position as number), `given to ${givenTo}`)
  }

  /** What the present opening has given is in order, is as it was, and leaves nothing out on its way. */
  private check(): void {
    const { given } = this
    const places = given.map(({ place }) => place)
    deepStrictEqual(
      places,
      [...new Set(places)].sort((a, b) => a - b),
    )
    const [first = this.floor, last = -1] = [places[0], places.at(-1)]
    ok(first >= this.floor, `m${first} was given again: all up to m${this.floor - 1} was done`)
    for (let place = this.floor; place <= last; place++)
      ok(this.done.has(place) || places.includes(place), `m${place} is left out before m${last}`)
    for (const { place, message } of given) {
      const before = this.published[place] ?? null
      if (before !== null) deepStrictEqual(said(message), said(before))
      else ok(!this.reader.claimedEarly.has(message), `m${place} counted as given before it was`)
      this.published[place] ??= message
    }
  }

  private end(isWanted: () => boolean): void {
    this.check()
    for (const { place, message } of this.given) {
      if (this.doneNow.has(place) || !isWanted()) continue
      this.reader.source.done(message)
      this.doneNow.add(place)
      this.done.add(place)
    }
  }

  private async readAgain(): Promise<void> {
    const { source } = this.reader
    const wanted = this.given.filter(({ place }) => !this.done.has(place) && this.below(2) === 0)
    const [first] = wanted
    if (source.again === undefined || first === undefined) return
    const positions = wanted.map(({ message }) => message.position as number)
    const again = await source.again(first.message.partition, positions)
    deepStrictEqual(
      again.map(said),
      wanted.map(({ message }) => said(message)),
    )
  }

  private async restart(): Promise<void> {
    await this.close()
    if (this.below(2) === 0) await this.publish()
    this.reader = await this.scene.open(GROUP)
    this.openedAt = 0
  }

  private async close(): Promise<void> {
    await this.reader.source.close()
    this.endOpening()
  }

  private async openAgain(): Promise<void> {
    this.endOpening()
    this.openedAt = this.reader.taken.length
    await this.reader.open()
  }

  private endOpening(): void {
    this.check()
    const given = new Set(this.given.map(({ place }) => place))
    const last = Math.max(-1, ...given)
    // One that was done before, and passed over in this opening, is done for good as well.
    const isPassed = (place: number): boolean => this.done.has(place) && !given.has(place) && place < last
    while (this.doneNow.has(this.floor) || isPassed(this.floor)) this.floor++
    this.doneNow.clear()
  }

  /** What the present opening has given. */
  private get given(): readonly { readonly place: number; readonly message: SourceMessage }[] {
    return this.reader.taken
      .slice(this.openedAt)
      .map(message => ({ place: Number(this.scene.bus.labelOf(message).slice(1)), message }))
  }

  /** Places that are not done, and that the present opening has not given. */
  private get missing(): readonly number[] {
    const given = new Set(this.given.map(({ place }) => place))
    return [...this.published.keys()].filter(place => !this.done.has(place) && !given.has(place))
  }

  private below(limit: number): number {
    return Math.floor(this.random.next() * limit)
  }
}

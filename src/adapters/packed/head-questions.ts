import type { Engine, Head } from './engine.ts'

/**
 * The heads that entities ask for as they start, one by one: those of one turn travel in one call. A quote starts two
 * entities; a call for each took a tenth of its processor time on Redis (Node 20.20, bench `quotes-redis`).
 */
export class HeadQuestions {
  readonly #engine: Engine
  readonly #partition: number
  #ids: string[] = []
  #answers: Promise<readonly Head[]> | null = null

  constructor(engine: Engine, partition: number) {
    this.#engine = engine
    this.#partition = partition
  }

  /** **Errors**: those of `Engine.heads`, for all that were asked together. */
  async ask(persistenceId: string): Promise<Head> {
    const index = this.#ids.push(persistenceId) - 1
    this.#answers ??= this.#askTogether()
    return (await this.#answers)[index]!
  }

  async #askTogether(): Promise<readonly Head[]> {
    // Those that start in the same turn have asked once it is over.
    await null
    const ids = this.#ids
    this.#ids = []
    this.#answers = null
    return this.#engine.heads(this.#partition, ids)
  }
}

/**
 * How the writes of a partition go together: side by side as a rule, and now and then one alone, which waits for those that
 * are under way; those that come meanwhile wait for it. An end of an id goes alone: no commit may hold its head meanwhile.
 */
export class WriteGate {
  readonly #underWay = new Set<Promise<unknown>>()
  /** Settles when the last one that goes alone has ended; null: there is none. */
  #alone: Promise<unknown> | null = null

  beside<Result>(write: () => Promise<Result>): Promise<Result> {
    return this.#track(this.#alone === null ? write() : this.#alone.then(write))
  }

  alone<Result>(write: () => Promise<Result>): Promise<Result> {
    const doing = this.#track(Promise.allSettled([...this.#underWay]).then(write))
    const ended = Promise.allSettled([doing])
    this.#alone = ended
    void ended.then(() => {
      if (this.#alone === ended) this.#alone = null
    })
    return doing
  }

  /** Resolves when all that was begun so far has ended, one way or the other. */
  settled(): Promise<unknown> {
    return Promise.allSettled([...this.#underWay])
  }

  #track<Result>(doing: Promise<Result>): Promise<Result> {
    this.#underWay.add(doing)
    const done = (): void => {
      this.#underWay.delete(doing)
    }
    doing.then(done, done)
    return doing
  }
}

/**
 * Does one thing after the other, in the order in which they were asked for. A failure is told to whoever asked for that
 * thing, and to nobody else: the next one begins all the same.
 */
export class OneByOne {
  private last: Promise<unknown> = Promise.resolve()

  run<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.last.then(work)
    this.last = done.then(toNothing, toNothing)
    return done
  }

  /** Resolves when all that was asked for so far has ended, one way or the other. */
  settled(): Promise<unknown> {
    return this.last
  }
}

const toNothing = (): undefined => undefined

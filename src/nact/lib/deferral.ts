/** A promise, to be settled by whoever holds this. */
export class Deferral<Value = unknown> {
  readonly promise: Promise<Value>
  resolve!: (value: Value) => void
  reject!: (error: unknown) => void
  /** It is settled: true from the next turn of the microtasks on. */
  done = false

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve as (value: Value) => void
      this.reject = reject
    })
    const note = (): void => {
      this.done = true
    }
    // It is also why a failure that is looked at late, or never, ends no process: as on nact.
    this.promise.then(note, note)
  }
}

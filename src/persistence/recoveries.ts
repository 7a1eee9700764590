import { RuntimeError, shown } from '../base/errors.ts'
import type { Cancel, Clock, Executor } from '../base/ports.ts'
import { Ring } from '../kernel/ring.ts'

/** How the entities of a store are read. **Errors**: DEFINITION_INVALID where one is out of range. */
export interface RecoveryOptions {
  /** Most entities that are read at once; further ones wait, in order. Default: 64. */
  readonly maxAtOnce?: number
  /**
   * A recovery for which the journal has given nothing for so long (up to twice that) fails with RECOVERY_TIMEOUT, and is
   * tried again like any that failed with the journal. Units: ms. Default: 30,000.
   */
  readonly batchTimeoutMs?: number
}

/** How long recoveries have the event loop before timers and sockets get their turn. Units: ms. */
const SLICE_MS = 4

/**
 * The recoveries of one store, of all its kinds: so many at once, and never for long without a turn for timers and sockets.
 * What they read is bounded by that number: each holds a state and a page of the log.
 */
export class Recoveries {
  private readonly clock: Clock
  private readonly executor: Executor
  private readonly maxAtOnce: number
  private readonly batchTimeoutMs: number
  private readonly running = new Set<RecoveryRun>()
  private readonly waiting = new Ring<Waiting>()
  /** When what runs now of the event loop's turn began to recover; null: it has recovered nothing yet. */
  private sliceSinceMs: number | null = null
  private nextSlice: Promise<void> | null = null
  private beginNextSlice: (() => void) | null = null
  private cancelWatch: Cancel | null = null

  /** **Errors**: DEFINITION_INVALID. */
  constructor(ports: { readonly clock: Clock; readonly executor: Executor }, options: RecoveryOptions = {}) {
    const { maxAtOnce = 64, batchTimeoutMs = 30_000 } = options
    if (!Number.isSafeInteger(maxAtOnce) || maxAtOnce < 1)
      throw invalid('maxAtOnce', 'a whole number of at least 1', maxAtOnce)
    if (!(typeof batchTimeoutMs === 'number' && batchTimeoutMs > 0))
      throw invalid('batchTimeoutMs', 'a number of ms above 0', batchTimeoutMs)
    this.clock = ports.clock
    this.executor = ports.executor
    this.maxAtOnce = maxAtOnce
    this.batchTimeoutMs = batchTimeoutMs
  }

  /** One that may read; a promise where there is no place for it yet. Each must be given back to `end`. */
  begin(persistenceId: string): RecoveryRun | Promise<RecoveryRun> {
    if (this.running.size < this.maxAtOnce) return this.start(persistenceId)
    return new Promise(begun => this.waiting.push({ persistenceId, begun }))
  }

  end(run: RecoveryRun): void {
    run.isOver = true
    this.running.delete(run)
    if (this.waiting.isEmpty) {
      if (this.running.size === 0) this.unwatch()
      return
    }
    const { persistenceId, begun } = this.waiting.shift()
    begun(this.start(persistenceId))
  }

  /** As `recovering`, but fails when the journal has given nothing for too long. */
  within<T>(run: RecoveryRun, recovering: Promise<T>): Promise<T> {
    this.watch()
    return run.within(recovering)
  }

  /**
   * Null: go on. Otherwise the slice is over, and what comes back resolves with the next one. A slice is of the event loop's
   * turn, not of one recovery: they may be as short as they like and come one after the other, each awaited, for ever.
   */
  turnOver(): Promise<void> | null {
    const nowMs = this.clock.monotonicMs()
    if (this.sliceSinceMs === null) {
      this.sliceSinceMs = nowMs
      this.executor.later(this.endSlice)
      return null
    }
    if (nowMs - this.sliceSinceMs < SLICE_MS) return null
    this.nextSlice ??= new Promise(resolve => {
      this.beginNextSlice = resolve
    })
    return this.nextSlice
  }

  /** Timers and sockets had their turn. */
  private readonly endSlice = (): void => {
    const begin = this.beginNextSlice
    this.sliceSinceMs = null
    this.nextSlice = null
    this.beginNextSlice = null
    begin?.()
  }

  private start(persistenceId: string): RecoveryRun {
    const run = new RecoveryRun(persistenceId)
    this.running.add(run)
    return run
  }

  /** One timer for all that wait: a recovery of a few events is too short for one of its own, or for any. */
  private watch(): void {
    this.cancelWatch ??= this.clock.after(this.batchTimeoutMs, () => {
      this.cancelWatch = null
      for (const run of this.running) run.look(this.batchTimeoutMs)
      this.watch()
    })
  }

  private unwatch(): void {
    this.cancelWatch?.()
    this.cancelWatch = null
  }
}

interface Waiting {
  readonly persistenceId: string
  readonly begun: (run: RecoveryRun) => void
}

export class RecoveryRun {
  /** Counted up whenever the journal gave something. */
  progress = 0
  /** It has ended, perhaps because its time was over: what it still reads is nobody's. */
  isOver = false
  private readonly persistenceId: string
  private seen = -1
  private fail: ((error: RuntimeError) => void) | null = null

  constructor(persistenceId: string) {
    this.persistenceId = persistenceId
  }

  /** As `recovering`, but fails when the journal has given nothing for too long. */
  within<T>(recovering: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.fail = reject
      recovering.then(resolve, reject)
    })
  }

  look(timeoutMs: number): void {
    if (this.progress !== this.seen) {
      this.seen = this.progress
      return
    }
    const text = `${this.persistenceId}: the journal has given nothing for ${timeoutMs} ms. It is tried again; look at the store.`
    this.fail?.(new RuntimeError('RECOVERY_TIMEOUT', text, { retryable: true }))
  }
}

const invalid = (field: string, mustBe: string, value: unknown): RuntimeError =>
  new RuntimeError('DEFINITION_INVALID', `recovery.${field} must be ${mustBe}, not ${shown(value)}`)

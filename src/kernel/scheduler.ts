import { checkAboveZero, checkCount } from '../base/bounds.ts'
import type { Clock, Executor } from '../base/ports.ts'
import { Ring } from './ring.ts'

/** What the scheduler runs: an actor with work. */
export interface Runnable {
  /** Does up to `limit` units of work and says how many it did; asks to be enqueued again if more is left. */
  run(limit: number): number
}

export interface SchedulerOptions {
  /**
   * Messages of one actor before the next one has its turn: fewer are fairer, more are cheaper. Default: 32, where a turn
   * costs a message 1 % of what it costs anyway.
   */
  readonly throughput?: number
  /**
   * How long actors may run before timers and sockets get their turn, and so how late a socket may come while actors have
   * work without end. A slice ends where a timer may come due, at a whole millisecond of the clock, if there is one in it:
   * timers come no later than on an event loop that does nothing else, but for the message in the handler. Units: ms.
   * Default: 1. At 0.25 a message costs 3 % more, and an event store, whose commits hold what came up in a slice, makes
   * smaller ones.
   */
  readonly sliceMs?: number
}

/**
 * Messages between two looks at the clock, and one actor's turn beyond it: what handlers that turn slow all at once can
 * cost the event loop.
 */
const CHECK_MAX = 64

/** Messages that end a slice under a clock that stands still meanwhile, for each of its ms: more than one ms has room for. */
const MESSAGES_MAX = 100_000

/** The event loop had its turn since the last slice. */
const NO_SLICE = Number.NEGATIVE_INFINITY

/**
 * Runs the actors that have work, in the order they got it, and gives the event loop back after a small slice.
 *
 *     macrotask:  [socket] [turn: A×64 B×3 C×64 …] [turn: …] │ slice over │ timers, sockets │ [turn: …]
 *                          └ soon (microtask)      └ soon      └ later (setImmediate)
 *
 * A turn starts as a microtask, so that work begun by a socket or a timer is done right after it. Microtasks run before
 * anything else of the event loop, so the slice is measured over the whole macrotask, not over one turn: a loop of
 * sequential asks, each a turn of its own, must not starve timers either.
 */
export class Scheduler {
  private readonly ready = new Ring<Runnable>()
  private readonly clock: Clock
  private readonly executor: Executor
  private readonly throughput: number
  private readonly sliceMs: number
  private scheduled = false
  private sliceEndMs = NO_SLICE
  /** Messages that the slice may still hold. */
  private left = 0
  /** Messages to the next look at the clock, from what the last ones cost. */
  private checkEvery = 8
  private readonly turn = (): void => {
    let isWhole = false
    try {
      this.runTurn()
      isWhole = true
    } finally {
      // What throws here is a bug of the runtime's, and goes on to be an uncaught exception. The other actors go on too.
      if (!isWhole) this.yieldToEventLoop()
    }
  }
  private readonly endSlice = (): void => {
    this.sliceEndMs = NO_SLICE
  }

  constructor(clock: Clock, executor: Executor, options: SchedulerOptions = {}) {
    this.clock = clock
    this.executor = executor
    const { throughput = 32, sliceMs = 1 } = options
    checkCount('throughput', throughput)
    checkAboveZero('sliceMs', sliceMs)
    this.throughput = throughput
    this.sliceMs = sliceMs
  }

  enqueue(runnable: Runnable): void {
    this.ready.push(runnable)
    if (this.scheduled) return
    this.scheduled = true
    this.executor.soon(this.turn)
  }

  private runTurn(): void {
    let checkedMs = this.clock.monotonicMs()
    if (this.sliceEndMs === NO_SLICE) {
      this.sliceEndMs = this.endOfSlice(checkedMs)
      this.left = MESSAGES_MAX * Math.max(1, this.sliceMs)
      this.executor.later(this.endSlice)
    } else if (this.isOver(checkedMs)) {
      this.yieldToEventLoop()
      return
    }
    let sinceCheck = 0
    while (!this.ready.isEmpty) {
      // The same for each, whenever the clock was looked at last: otherwise some would always be cut short.
      sinceCheck += this.ready.shift().run(Math.min(this.checkEvery, this.throughput))
      if (sinceCheck < this.checkEvery) continue
      const nowMs = this.clock.monotonicMs()
      this.adapt(sinceCheck, nowMs - checkedMs)
      this.left -= sinceCheck
      if (this.isOver(nowMs)) {
        this.yieldToEventLoop()
        return
      }
      checkedMs = nowMs
      sinceCheck = 0
    }
    this.left -= sinceCheck
    this.scheduled = false
  }

  private isOver(nowMs: number): boolean {
    return nowMs >= this.sliceEndMs || this.left <= 0
  }

  /** The event loop counts whole ms, so a slice that ends with one lets a timer come when it is due, and costs no more. */
  private endOfSlice(startMs: number): number {
    const endMs = startMs + this.sliceMs
    const tickMs = Math.floor(endMs)
    return tickMs > startMs ? tickMs : endMs
  }

  /** Aims at eight looks at the clock a slice. */
  private adapt(messages: number, tookMs: number): void {
    const wanted = tookMs <= 0 ? CHECK_MAX : Math.floor((messages * this.sliceMs) / (8 * tookMs))
    this.checkEvery = Math.max(1, Math.min(CHECK_MAX, wanted, this.checkEvery * 2))
  }

  private yieldToEventLoop(): void {
    this.sliceEndMs = NO_SLICE
    this.executor.later(this.turn)
  }
}

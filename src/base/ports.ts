/**
 * What the runtime needs from the world, as arguments, so that one seed can replay a whole run: time, chance, and turns
 * of the event loop. Nothing outside this folder calls `Date.now`, `Math.random`, `setTimeout` or `setImmediate`.
 */

/** Cancels what it was given for; calling it again does nothing. */
export type Cancel = () => void

/** Time, as the runtime reads it and waits for it. */
export interface Clock {
  /** Wall-clock time. Units: ms since 1970. May jump. */
  nowMs(): number
  /**
   * Time that never goes back, for measuring. Units: ms with fractions, from an arbitrary start; timers come due at whole
   * ones, where the clock can tell.
   */
  monotonicMs(): number
  /** Calls `run` once, `delayMs` from now or a little later; delays beyond 2^31-1 ms are waited for in parts. */
  after(delayMs: number, run: () => void): Cancel
}

/** Chance: jitter, ids. No secret is made of it. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number
}

/** Turns of the event loop. */
export interface Executor {
  /** Runs `task` after the code that runs now, before timers and sockets get their turn. */
  soon(task: () => void): void
  /** Runs `task` after timers and sockets had their turn. */
  later(task: () => void): void
}

/** All that the runtime needs of the world. */
export interface Ports {
  readonly clock: Clock
  readonly random: Random
  readonly executor: Executor
}

const LONGEST_TIMER_MS = 2 ** 31 - 1

/**
 * What `performance.now()` lacks to the event loop's own clock, which counts whole ms from another start: with it a timer
 * comes due when `monotonicMs` has reached a whole number. Read between two looks, in case the thread had to wait.
 */
const loopClockAheadMs = ((): number => {
  let [bestMs, narrowestMs] = [0, Number.POSITIVE_INFINITY]
  for (let look = 0; look < 3; look++) {
    const beforeMs = performance.now()
    const loopMs = Number(process.hrtime.bigint()) / 1e6
    const afterMs = performance.now()
    if (afterMs - beforeMs >= narrowestMs) continue
    narrowestMs = afterMs - beforeMs
    bestMs = loopMs - (beforeMs + afterMs) / 2
  }
  return bestMs
})()

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now() + loopClockAheadMs,
  after(delayMs, run) {
    let timer: NodeJS.Timeout
    const arm = (leftMs: number): void => {
      timer =
        leftMs > LONGEST_TIMER_MS
          ? setTimeout(() => arm(leftMs - LONGEST_TIMER_MS), LONGEST_TIMER_MS)
          : setTimeout(run, leftMs)
    }
    arm(delayMs)
    return () => clearTimeout(timer)
  },
}

export const systemRandom: Random = { next: () => Math.random() }

const settled = Promise.resolve()

export const systemExecutor: Executor = {
  // The same place in the queue as `queueMicrotask`, without the resource that it makes for each call.
  soon: task => void settled.then(task),
  later: task => {
    setImmediate(task)
  },
}

/** The machine's own: the default wherever ports may be given. */
export const systemPorts: Ports = { clock: systemClock, random: systemRandom, executor: systemExecutor }

/** A seeded source of chance (xorshift128+ in 32-bit halves would be longer; sfc32 passes PractRand and is four words). */
export const seededRandom = (seed: number): Random => {
  let a = 0x9e3779b9 ^ seed
  let b = 0x243f6a88
  let c = 0xb7e15162
  let counter = 1
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum
    return (sum >>> 0) / 4294967296
  }
  for (let warmUp = 0; warmUp < 12; warmUp++) next()
  return { next }
}

/** A short id that no other process draws: 60 random bits in base 36. */
export const randomId = (random: Random): string =>
  (Math.floor(random.next() * 2 ** 30).toString(36) + Math.floor(random.next() * 2 ** 30).toString(36)).padStart(
    12,
    '0',
  )

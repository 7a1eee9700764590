/**
 * What comes of dead letters. A listener tells an actor, which tells an ended one, and that is a letter again, for the
 * same listener: without a bound it would go on for ever. So what runs knows how many letters led to it, one after the
 * other, and what it tells, asks, spawns or schedules knows it, too. What no letter led to, as nearly everything, is queued
 * as it is.
 *
 *     tell ─▶ letter ─▶ listener ─▶ tell ─▶ handler ─▶ tell ─▶ letter ─▶ listener ─▶ …
 *     depth 0              └──────────── depth 1 ───────────┘     └───── depth 2
 *
 * One for all systems of the thread, since a listener of one may tell the actors of another.
 */
export const echo = {
  /** How many letters led to what runs now. */
  depth: 0,
}

/** A letter that so many others led to is counted only. */
export const ECHOES_MAX = 3

/** Does something as what `depth` letters led to. */
export const echoing = <Result>(depth: number, doing: () => Result): Result => {
  const before = echo.depth
  echo.depth = depth
  try {
    return doing()
  } finally {
    echo.depth = before
  }
}

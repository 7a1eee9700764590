// Chance and work that cost the same on every side: a linear congruential generator (Knuth's multiplier from Numerical
// Recipes), since the sides' own generators differ in price. erlang/lcg.erl draws the same numbers.

/** The state after this one. Units: signed 32-bit integers; any of them may be the first. */
export const nextState = state => (Math.imul(state, 1_664_525) + 1_013_904_223) | 0

/** A whole number from 0 to below `bound`, from the better upper bits. */
export const below = (state, bound) => (state >>> 8) % bound

/** At least 0, below 1. */
const fraction = state => (state >>> 0) / 4_294_967_296

/** `steps` draws and nothing else; answers the state after them, so that no compiler may leave them out. */
export function busyWait(state, steps) {
  let current = state
  for (let i = 0; i < steps; i++) current = nextState(current)
  return current
}

/** What Savina's producers and consumers do to an item: 100 logarithms for each unit of cost, one at no cost. */
export function processItem(item, cost) {
  let result = item
  let state = cost
  for (let i = Math.max(1, cost * 100); i > 0; i--) {
    state = nextState(state)
    result += Math.log(fraction(state) + 0.01)
  }
  return result
}

/** What Savina's fork-join workers do with a message. */
export function computeSine(theta) {
  const sine = Math.sin(theta)
  if (sine * sine <= 0) throw new Error(`sin²(${theta}) is not above 0`)
}

export const THETA = 37.2

// The frame of every bench: sides of one question measured in turn, in one process, so that a noisy minute falls on all
// of them alike; then medians.
//
//     warm-up   ours floor nact | ours floor nact         not counted
//     round 1   ours floor nact                           each sample begins with a collected heap
//     round 2   floor nact ours                           and no side always goes first
//     …

/** Fewer make no median worth quoting. */
export const SAMPLES_MIN = 8

/**
 * @typedef {object} Side One contender. `run` does the whole workload once; what it handled must come to `checksum`.
 * @property {() => Promise<{ value: number, checksum?: number }>} run
 * @property {number} [checksum]
 *
 * @typedef {object} Goal For the ratio of ours to another side: at least, where more is better; at most, where less is.
 * @property {string} against
 * @property {number} ratio
 *
 * @typedef {object} Question
 * @property {string} name
 * @property {string} unit
 * @property {'more' | 'less'} better
 * @property {string} measures   what one operation is, in a few words
 * @property {{ ours: Side, floor?: Side } & Record<string, Side>} sides   every other name is a peer's
 * @property {Goal[]} [goals]
 *
 * @typedef {{ median: number, spread: number }} Figure   `spread`: interquartile range, in the question's unit
 * @typedef {{ question: Question, figures: Record<string, Figure> }} Answer
 */

/**
 * Measures one question. Throws when a side's checksum is not the one expected: a bench that skips work has no figure.
 * @param {Question} question
 * @param {{ samples: number, warmUps: number, collect: () => void }} options
 * @returns {Promise<Answer>}
 */
export async function measure(question, { samples, warmUps, collect }) {
  if (samples < SAMPLES_MIN) throw new RangeError(`at least ${SAMPLES_MIN} samples, not ${samples}`)
  const sides = Object.entries(question.sides)
  const values = Object.fromEntries(sides.map(([name]) => [name, []]))
  for (let round = -warmUps; round < samples; round++) {
    for (let i = 0; i < sides.length; i++) {
      const [name, side] = sides[(i + round + warmUps) % sides.length]
      collect()
      const { value, checksum } = await side.run()
      if (checksum !== side.checksum)
        throw new Error(`${question.name}: ${name} came to ${checksum} instead of ${side.checksum}`)
      if (!Number.isFinite(value)) throw new Error(`${question.name}: ${name} measured ${value}`)
      if (round >= 0) values[name].push(value)
    }
  }
  return { question, figures: Object.fromEntries(sides.map(([name]) => [name, figure(values[name])])) }
}

/** @returns {Figure} */
export function figure(values) {
  const sorted = values.toSorted((a, b) => a - b)
  return { median: quantile(sorted, 0.5), spread: quantile(sorted, 0.75) - quantile(sorted, 0.25) }
}

/** Linear between the two nearest of a sorted list, as R's type 7 and NumPy do by default. */
export function quantile(sorted, share) {
  const at = (sorted.length - 1) * share
  const below = Math.floor(at)
  const above = Math.min(below + 1, sorted.length - 1)
  return sorted[below] + (sorted[above] - sorted[below]) * (at - below)
}

/** Ours divided by another side. */
export const ratio = ({ figures }, against) => figures.ours.median / figures[against].median

export const isMet = (answer, goal) =>
  answer.question.better === 'more'
    ? ratio(answer, goal.against) >= goal.ratio
    : ratio(answer, goal.against) <= goal.ratio

/**
 * Operations a second of one run; what `run` resolves with is the checksum.
 * @param {number} operations
 * @param {() => Promise<number>} run
 */
export async function perSecond(operations, run) {
  const start = process.hrtime.bigint()
  const checksum = await run()
  const seconds = Number(process.hrtime.bigint() - start) / 1e9
  return { value: operations / seconds, checksum }
}

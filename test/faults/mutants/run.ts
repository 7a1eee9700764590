/**
 * Do the tests bite? Changes the sources in small ways, one at a time, and sees whether a test fails.
 *
 *     npm run -s test:mutants -- --seed S --mutants N [--file F] [--line L] [--lanes K] [--json]
 *
 * Draws N mutants of each file (of those whose path holds F) by the seed, and runs the tests that belong to the file on each,
 * the quickest first, until one fails. A run that takes several times what the tests take is ended, and counts as killed.
 * The checkout is not touched. Prints each survivor as it is found; the last line is
 * `{ seed, mutants, killed, timedOut, score, files: [{ file, mutants, killed }], survivors: [{ file, line, operator, before,
 * after }] }` with `--json`, and the same in words without. Exits with 2 where it does not understand, and with 1 where tests
 * fail without any change: then nothing can be said.
 */

import { drawMutants, type Mutant } from './draw.ts'
import { Laboratory } from './laboratory.ts'
import { type Options, readOptions } from './options.ts'
import type { Target } from './targets.ts'
import { type Course, courseOf, type Tried, tryOut } from './trial.ts'

const tell = ({ mutant, verdict, by }: Tried, json: boolean): void => {
  const { file, line, operator, before, after } = mutant
  if (verdict === 'survived') console.log(`survived: ${file}:${line} ${operator}\n    ${before}\n    ${after}`)
  else if (!json) console.log(`${verdict}: ${file}:${line} ${operator}, by ${by}`)
}

const summary = ({ seed, targets }: Options, tried: readonly Tried[]) => {
  const isKilled = ({ verdict }: Tried): boolean => verdict !== 'survived'
  const killed = tried.filter(isKilled).length
  return {
    seed,
    mutants: tried.length,
    killed,
    timedOut: tried.filter(({ verdict }) => verdict === 'timed out').length,
    score: Math.round((killed / tried.length) * 1_000) / 1_000,
    files: targets.map(({ file }) => {
      const own = tried.filter(({ mutant }) => mutant.file === file)
      return { file, mutants: own.length, killed: own.filter(isKilled).length }
    }),
    survivors: tried
      .filter(each => !isKilled(each))
      .map(({ mutant: { file, line, operator, before, after } }) => ({ file, line, operator, before, after })),
  }
}

const inWords = ({ seed, mutants, killed, timedOut, score, files }: ReturnType<typeof summary>): string =>
  [
    ...files.map(({ file, mutants, killed }) => `${`${killed}/${mutants}`.padStart(7)}  ${file}`),
    `seed ${seed}: ${mutants} mutants, ${killed} killed, ${timedOut} of them by the clock; score ${score}`,
  ].join('\n')

/** Targets with the same tests share one look at how long they take. */
const tryAll = async ({ seed, mutants, targets, line, lanes, json }: Options): Promise<Tried[]> => {
  const left: { readonly target: Target; readonly mutant: Mutant }[] = targets.flatMap(target =>
    drawMutants(target.file, mutants, seed, line).map(mutant => ({ target, mutant })),
  )
  const courses = new Map<readonly string[], Promise<Course>>()
  const tried: Tried[] = []
  const lane = async (): Promise<void> => {
    await using laboratory = new Laboratory()
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const { target, mutant } = next
      const course = courses.get(target.tests) ?? courseOf(target, laboratory)
      courses.set(target.tests, course)
      const result = await tryOut(mutant, await course, laboratory)
      tried.push(result)
      tell(result, json)
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
  return tried
}

// So that what runs the tests ends, too.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

const options = readOptions()
const told = summary(options, await tryAll(options))
console.log(options.json ? JSON.stringify(told) : inWords(told))

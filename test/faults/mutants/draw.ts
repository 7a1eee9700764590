import { readFileSync } from 'node:fs'
import { seededRandom } from '../../../src/base/ports.ts'
import { type Mutation, mutated, mutationsOf } from './mutations.ts'

/** One change to one file. */
export interface Mutant {
  readonly file: string
  /** Counted from 1. */
  readonly line: number
  readonly operator: string
  /** The lines that change, without what stands around them. */
  readonly before: string
  readonly after: string
  /** The whole file as it is with the change. */
  readonly source: string
}

/**
 * Draws `count` mutants of a file, or of one line of it, by `seed`; all where there are no more. The same seed draws the same
 * from the same file.
 */
export const drawMutants = (
  file: string,
  count: number,
  seed: number,
  line: number | null = null,
): readonly Mutant[] => {
  const source = readFileSync(file, 'utf8')
  const mutations = mutationsOf(source).filter(({ start }) => line === null || lineOf(source, start) === line)
  return shuffled(mutations, seed)
    .slice(0, count)
    .sort((one, other) => one.start - other.start)
    .map(mutation => mutantOf(file, source, mutation))
}

const shuffled = (mutations: readonly Mutation[], seed: number): Mutation[] => {
  const random = seededRandom(seed)
  const all = [...mutations]
  for (let left = all.length; left > 1; left--) {
    const drawn = Math.floor(random.next() * left)
    const last = all[left - 1]!
    all[left - 1] = all[drawn]!
    all[drawn] = last
  }
  return all
}

/** Of what is cut out of a longer text, no more is shown. */
const SHOWN_MAX = 150

const mutantOf = (file: string, source: string, mutation: Mutation): Mutant => {
  const { operator, start, end, replacement } = mutation
  const lineStart = source.lastIndexOf('\n', start - 1) + 1
  const lineEnd = source.indexOf('\n', end)
  const [before, behind] = [source.slice(lineStart, start), source.slice(end, lineEnd)]
  return {
    file,
    line: lineOf(source, start),
    operator,
    before: onOneLine(before + source.slice(start, end) + behind),
    after: onOneLine(before + replacement + behind),
    source: mutated(source, mutation),
  }
}

const lineOf = (source: string, start: number): number => source.slice(0, start).split('\n').length

const onOneLine = (text: string): string => {
  const line = text.replaceAll(/\s+/g, ' ').trim()
  return line.length > SHOWN_MAX ? `${line.slice(0, SHOWN_MAX)}…` : line
}

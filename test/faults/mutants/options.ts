import { parseArgs } from 'node:util'
import { TARGETS, type Target } from './targets.ts'

export interface Options {
  readonly seed: number
  /** Drawn of each file. */
  readonly mutants: number
  readonly targets: readonly Target[]
  /** Only mutants of this line; null: of all. */
  readonly line: number | null
  /** Mutants that are tested at the same time. */
  readonly lanes: number
  readonly json: boolean
}

const USAGE =
  'usage: npm run -s test:mutants -- --seed S --mutants N [--file F] [--line L] [--lanes K] [--json]\n' +
  '  --seed S     which mutants are drawn (default 1)\n' +
  '  --mutants N  so many of each file (default 10)\n' +
  '  --file F     only of files whose path holds F\n' +
  '  --line L     only of this line, such as one with a survivor\n' +
  '  --lanes K    so many at the same time (default 1)'

/** Ends the process with exit code 2 where it does not understand. */
export const readOptions = (): Options => {
  try {
    const { values } = parseArgs({
      options: {
        seed: { type: 'string', default: '1' },
        mutants: { type: 'string', default: '10' },
        file: { type: 'string', default: '' },
        line: { type: 'string' },
        lanes: { type: 'string', default: '1' },
        json: { type: 'boolean', default: false },
      },
    })
    const targets = TARGETS.filter(({ file }) => file.includes(values.file))
    if (targets.length === 0)
      throw new Error(`--file ${values.file} is none of ${TARGETS.map(({ file }) => file).join(', ')}`)
    return {
      seed: wholeNumber('seed', values.seed, 0),
      mutants: wholeNumber('mutants', values.mutants, 1),
      targets,
      line: values.line === undefined ? null : wholeNumber('line', values.line, 1),
      lanes: wholeNumber('lanes', values.lanes, 1),
      json: values.json,
    }
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`)
    process.exit(2)
  }
}

const wholeNumber = (name: string, text: string, min: number): number => {
  const value = Number(text)
  if (text !== '' && Number.isSafeInteger(value) && value >= min) return value
  throw new Error(`--${name} ${text}: give a whole number from ${min}`)
}

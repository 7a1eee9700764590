/** Ctrl-C, and being asked to end: what was begun is taken away first. */

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const

type Interruption = keyof typeof EXIT_CODES

/** Why a command was given up. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
  /** 128 and the number of the signal, as a shell has it. */
  readonly exitCode: number

  constructor(signal: Interruption) {
    super(`${signal}: given up, and nothing is left of it`)
    this.exitCode = EXIT_CODES[signal]
  }
}

/**
 * Does what leaves something behind where it is cut short, and tells it by its signal to give up. The second time the process
 * ends at once. **Errors**: those of `doing`; Interrupted where that rejects with its signal's reason.
 */
export const untilInterrupted = async <Result>(doing: (signal: AbortSignal) => Promise<Result>): Promise<Result> => {
  const controller = new AbortController()
  const names = Object.keys(EXIT_CODES) as Interruption[]
  const listeners = names.map(name => () => controller.abort(new Interrupted(name)))
  for (const [i, name] of names.entries()) process.once(name, listeners[i]!)
  try {
    return await doing(controller.signal)
  } finally {
    for (const [i, name] of names.entries()) process.off(name, listeners[i]!)
  }
}

#!/usr/bin/env node
import { constants } from 'node:os'
import { stderrLogger, systemPorts, toError } from 'troupe'
import { drained } from './draining.ts'
import { readOptions, USAGE, UsageError } from './options.ts'
import { outliveReaders } from './outputs.ts'
import { run } from './run.ts'
import { Waiting } from './waiting.ts'

const DONE = 0
const FAILED = 1
const WRONG_USAGE = 2

/** What shells say of a process that a signal ended: 130 for SIGINT, 143 for SIGTERM. */
const codeOf = (signal: NodeJS.Signals): number => 128 + constants.signals[signal]

/** SIGINT and SIGTERM let what is under way come to its end, with the signal as reason; a second one does not wait. */
const stopOnSignals = (): AbortSignal => {
  const stop = new AbortController()
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stop.signal.aborted) process.exit(codeOf(signal))
    process.stderr.write(
      `\n${signal}: finishing what is under way (once more to leave at once; nothing is lost either way)\n`,
    )
    stop.abort(signal)
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  return stop.signal
}

const main = async (): Promise<number> => {
  const outputs = outliveReaders(process.stdout, process.stderr)
  const options = readOptions(process.argv.slice(2))
  if (options === null) {
    process.stdout.write(`${USAGE}\n`)
    return DONE
  }
  const stop = stopOnSignals()
  const waiting = new Waiting(systemPorts.clock)
  const output = options.json ? process.stderr : process.stdout
  // A run that does not drain is left where it is: a store may be left at any moment.
  const summary = await Promise.race([
    run(options, output, stderrLogger, stop, waiting),
    drained(stop, options.drainMs, waiting, systemPorts.clock),
  ])
  if (options.json) await written(`${JSON.stringify(summary)}\n`)
  if (!summary.complete) return codeOf(stop.reason)
  return outputs.error === null ? DONE : FAILED
}

/** Resolves also where it could not be written: `outliveReaders` has seen why. */
const written = (text: string): Promise<void> => new Promise(resolve => process.stdout.write(text, () => resolve()))

main().then(
  code => process.exit(code),
  thrown => {
    const error = toError(thrown)
    const causes = causesOf(error).map(cause => `\n  because: ${cause.message}`)
    const isUsage = error instanceof UsageError
    process.stderr.write(
      `${error.message}${causes.join('')}\n${isUsage ? 'npm start -- --help lists the options\n' : ''}`,
    )
    process.exit(isUsage ? WRONG_USAGE : FAILED)
  },
)

const causesOf = (error: Error): readonly Error[] =>
  error.cause instanceof Error ? [error.cause, ...causesOf(error.cause)] : []

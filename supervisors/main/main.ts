#!/usr/bin/env node
import { stderrLogger, systemPorts, toError } from 'troupe'
import { drained } from './draining.ts'
import { readOptions, USAGE, UsageError } from './options.ts'
import { run } from './run.ts'
import { Waiting } from './waiting.ts'

const FAILED = 1
const WRONG_USAGE = 2
const INTERRUPTED_TWICE = 130

/** SIGINT and SIGTERM let what is under way come to its end; a second one does not wait. */
const stopOnSignals = (): AbortSignal => {
  const stop = new AbortController()
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stop.signal.aborted) process.exit(INTERRUPTED_TWICE)
    process.stderr.write(
      `\n${signal}: finishing what is under way (once more to leave at once; nothing is lost either way)\n`,
    )
    stop.abort()
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  return stop.signal
}

const main = async (): Promise<void> => {
  const options = readOptions(process.argv.slice(2))
  if (options === null) {
    process.stdout.write(`${USAGE}\n`)
    return
  }
  const stop = stopOnSignals()
  const waiting = new Waiting(systemPorts.clock)
  const output = options.json ? process.stderr : process.stdout
  // A run that does not drain is left where it is: a store may be left at any moment.
  const summary = await Promise.race([
    run(options, output, stderrLogger, stop, waiting),
    drained(stop, options.drainMs, waiting, systemPorts.clock),
  ])
  if (options.json) process.stdout.write(`${JSON.stringify(summary)}\n`)
}

main().then(
  () => process.exit(0),
  thrown => {
    const error = toError(thrown)
    const causes = causesOf(error).map(cause => `\n  because: ${cause.message}`)
    process.stderr.write(
      error instanceof UsageError ? `${error.message}\n\n${USAGE}\n` : `${error.message}${causes.join('')}\n`,
    )
    process.exit(error instanceof UsageError ? WRONG_USAGE : FAILED)
  },
)

const causesOf = (error: Error): readonly Error[] =>
  error.cause instanceof Error ? [error.cause, ...causesOf(error.cause)] : []

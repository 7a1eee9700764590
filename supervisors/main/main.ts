#!/usr/bin/env node
import { stderrLogger, toError } from 'troupe'
import { readOptions, USAGE, UsageError } from './options.ts'
import { run } from './run.ts'

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
  const summary = await run(options, options.json ? process.stderr : process.stdout, stderrLogger, stopOnSignals())
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

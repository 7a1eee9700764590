/**
 * The logger port. Promise: Troupe logs what happened and to whom, never a message's or an event's payload.
 * Give your own (pino, winston, …) as `logger`; the default writes warnings and errors as lines to standard error, the
 * causes of an error each on a line of its own below it.
 */

import { explain, toError } from './errors.ts'

/** `error`: somebody should act. `warn`: it went on, with a loss or a delay. `info`, `debug`: for whoever looks. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/**
 * Takes lines of text, with fields for machines; `fields.error` is the error, where there is one. What it throws is
 * caught.
 */
export interface Logger {
  log(level: LogLevel, text: string, fields?: Readonly<Record<string, unknown>>): void
}

/** Writes warnings and errors to standard error, the causes of an error below it; leaves the rest out. */
export const stderrLogger: Logger = {
  log(level, text, fields) {
    if (level === 'debug' || level === 'info') return
    const error = fields?.error
    const reason = error === undefined ? '' : `: ${explain(toError(error))}`
    process.stderr.write(`${level} ${text}${reason}\n`)
  },
}

/** Writes nothing. */
export const silentLogger: Logger = { log: () => undefined }

/** As `logger`, but never throws: a logger that fails must not end what it was told about. Its line goes to standard error. */
export const patientLogger = (logger: Logger): Logger => ({
  log(level, text, fields) {
    try {
      logger.log(level, text, fields)
    } catch (error) {
      stderrLogger.log('error', 'the logger failed', { error })
      stderrLogger.log(level, text, fields)
    }
  },
})

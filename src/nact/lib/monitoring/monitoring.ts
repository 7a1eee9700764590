import { systemPorts } from '../../../base/ports.ts'
import type { Logger } from '../../types.ts'
import { dispatch } from '../functions.ts'
import { Nobody } from '../references.ts'

/** What an actor logs is a message to the system's logging actor. */

export const LogLevel = { OFF: 0, TRACE: 1, DEBUG: 2, INFO: 3, WARN: 4, ERROR: 5, CRITICAL: 6 } as const

const NAMES = Object.keys(LogLevel)

/** `TRACE` for 1; undefined for a number that is no level. */
export const logLevelToString = (level: number): string | undefined => NAMES[level]

const now = (): Date => new Date(systemPorts.clock.nowMs())

export class LogTrace {
  readonly type = 'trace'
  readonly level: number
  readonly message: string
  readonly actor: unknown
  readonly createdAt: Date
  constructor(level: number, message: string, actor: unknown, createdAt = now()) {
    this.level = level
    this.message = message
    this.actor = actor
    this.createdAt = createdAt
  }
}

export class LogEvent {
  readonly type = 'event'
  readonly name: string
  readonly properties: unknown
  readonly actor: unknown
  readonly createdAt: Date
  constructor(name: string, properties: unknown, actor: unknown, createdAt = now()) {
    this.name = name
    this.properties = properties
    this.actor = actor
    this.createdAt = createdAt
  }
}

export class LogMetric {
  readonly type = 'metric'
  readonly name: string
  readonly values: unknown
  readonly actor: unknown
  readonly createdAt: Date
  constructor(name: string, values: unknown, actor: unknown, createdAt = now()) {
    this.name = name
    this.values = values
    this.actor = actor
    this.createdAt = createdAt
  }
}

export class LogException {
  readonly type = 'exception'
  readonly exception: unknown
  readonly actor: unknown
  readonly createdAt: Date
  constructor(exception: unknown, actor: unknown, createdAt = now()) {
    this.exception = exception
    this.actor = actor
    this.createdAt = createdAt
  }
}

/** The `log` of one actor. */
export class LoggingFacade implements Logger {
  readonly loggingActor: unknown
  readonly reference: unknown

  constructor(loggingActor: unknown, reference: unknown) {
    this.loggingActor = loggingActor
    this.reference = reference
  }

  trace(message: unknown): void {
    this.at(LogLevel.TRACE, message)
  }

  debug(message: unknown): void {
    this.at(LogLevel.DEBUG, message)
  }

  info(message: unknown): void {
    this.at(LogLevel.INFO, message)
  }

  warn(message: unknown): void {
    this.at(LogLevel.WARN, message)
  }

  error(message: unknown): void {
    this.at(LogLevel.ERROR, message)
  }

  critical(message: unknown): void {
    this.at(LogLevel.CRITICAL, message)
  }

  event(name: unknown, properties: unknown): void {
    this.send(new LogEvent(String(name), properties, this.reference))
  }

  metric(name: unknown, values: unknown): void {
    this.send(new LogMetric(String(name), values, this.reference))
  }

  exception(exception: unknown): void {
    this.send(new LogException(exception, this.reference))
  }

  private at(level: number, message: unknown): void {
    this.send(new LogTrace(level, String(message), this.reference))
  }

  private send(entry: unknown): void {
    dispatch(this.loggingActor, entry, this.reference)
  }
}

/** A logging engine that keeps silent. */
export const logNothing = (): Nobody => new Nobody()

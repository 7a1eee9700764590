import { spawnStateless } from '../actor.ts'
import { ActorPath } from '../paths.ts'
import {
  type LogEvent,
  type LogException,
  LogLevel,
  type LogMetric,
  type LogTrace,
  logLevelToString,
} from './monitoring.ts'

type Entry = LogTrace | LogEvent | LogMetric | LogException
type Channel = (text: string) => void
type ConsoleProxy = Partial<Record<'log' | 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'critical', Channel>>

export interface ConsoleProperties {
  readonly consoleProxy?: ConsoleProxy
  readonly formatter?: (entry: Entry) => string
  readonly name?: string
}

/** A logging engine that writes to the console, or to an object with some of its functions. */
export const logToConsole = ({ consoleProxy, formatter, name }: ConsoleProperties = {}) => {
  const channels = channelsOf(consoleProxy ?? (console as unknown as ConsoleProxy))
  const format = formatter ?? textOf
  return (system: unknown) =>
    spawnStateless(
      system,
      entry => channels[levelOf(entry as Entry)]?.(format(entry as Entry)),
      name ?? 'console-logger',
    )
}

/** By level: a channel that is missing is stood in for by the one of the next lower level. */
const channelsOf = (proxy: ConsoleProxy): readonly (Channel | undefined)[] => {
  const wanted = [undefined, proxy.trace ?? proxy.log, proxy.debug, proxy.info, proxy.warn, proxy.error, proxy.critical]
  let lower: Channel | undefined
  return wanted.map(channel => {
    lower = channel ?? lower
    return lower
  })
}

const levelOf = (entry: Entry): number => {
  switch (entry.type) {
    case 'trace':
      return entry.level
    case 'exception':
      return LogLevel.ERROR
    case 'metric':
    case 'event':
      return LogLevel.INFO
  }
}

const textOf = (entry: Entry): string => {
  const at = `@ ${entry.createdAt}] ${whoOf(entry.actor)}`
  switch (entry.type) {
    case 'trace':
      return `[${logLevelToString(entry.level)} ${at} - ${entry.message}`
    case 'exception':
      return `[EXCEPTION ${at} - ${entry.exception}`
    case 'metric':
      return `[METRIC  ${at} - ${entry.name}: ${JSON.stringify(entry.values, undefined, 4)}`
    case 'event':
      return `[EVENT ${at} - ${entry.name}: ${JSON.stringify(entry.properties, undefined, 4)}`
  }
}

const whoOf = (actor: unknown): string => {
  const { path } = actor as { readonly path: ActorPath }
  return new ActorPath(path.parts, path.system).toString()
}

import type { Logger } from '../../types.ts'
import type { ActorReference } from '../references.ts'
import { LoggingFacade } from './monitoring.ts'

export { logToConsole } from './console-engine.ts'
export {
  LogEvent,
  LogException,
  LoggingFacade,
  LogLevel,
  LogMetric,
  LogTrace,
  logNothing,
} from './monitoring.ts'

interface LoggedSystem {
  readonly reference: unknown
  createLogger: (reference: ActorReference) => Logger | undefined
}

/**
 * An extension of `start`: actors that are spawned from then on have a `log`. **Errors**: Error for an engine without an
 * actor.
 */
export const configureLogging =
  (engine: (system: unknown) => unknown) =>
  (system: LoggedSystem): void => {
    const loggingActor = engine(system.reference)
    if (!loggingActor) throw new Error('Logging engine is not defined')
    system.createLogger = reference => new LoggingFacade(loggingActor, reference)
  }

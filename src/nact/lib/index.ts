/**
 * The API of nact 7.6 on Troupe's kernel: what its programs mean is unchanged; docs/nact.md lists what differs, each a defect
 * of nact. Loads no dependency.
 */

import type * as types from '../types.ts'
import { spawn as spawnActor, spawnStateless as spawnStatelessActor } from './actor.ts'
import { dispatch as dispatchTo, query as queryOf, stop as stopActor } from './functions.ts'
import { configureLogging as configure, logNothing as nothing, logToConsole as toConsole } from './monitoring/index.ts'
import {
  configurePersistence as configureEngine,
  persistentQuery as queryEvents,
  spawnPersistent as spawnPersistentActor,
} from './persistence/index.ts'
import type { PersistenceEngine } from './persistence/persistence-engine.ts'
import { Nobody as NobodyReference } from './references.ts'
import { start as startSystem } from './system.ts'
import * as time from './time.ts'

export { hour, hours, message, messages, millisecond, milliseconds, minute, minutes, second, seconds } from './time.ts'

/** Starts a system of actors: its name, if it is to have one, then extensions. */
export const start = startSystem as unknown as types.Start &
  ((named: { readonly name: string }, ...args: types.Plugin[]) => types.ActorSystemRef)

/**
 * Starts an actor. **Errors**: Error for a parent that has stopped, a name that is taken or has other characters than
 * those of URLs, a `shutdownAfter` that is no number.
 */
export const spawn = spawnActor as unknown as types.Spawn

/** Starts an actor without a state, which goes on after every failure. **Errors**: as `spawn`. */
export const spawnStateless = spawnStatelessActor as unknown as types.SpawnStateless

/** Starts an actor that recovers from the events of `key`. **Errors**: as `spawn`; Error for a key that is no text. */
export const spawnPersistent = spawnPersistentActor as unknown as types.SpawnPersistent

/** A fold over the events of `key`, to be called whenever its result is wanted. **Errors**: Error for wrong properties. */
export const persistentQuery = queryEvents as unknown as types.PersistentQuery

/** Ends an actor with its children, or a system; for one that has stopped it does nothing. */
export const stop = stopActor as types.Stop

/**
 * Sends a message. **Order**: per sender and receiver. **Delivery**: at most once; what nobody is there to take is a dead
 * letter.
 */
export const dispatch = dispatchTo as types.Dispatch

/**
 * Sends a message that is to be answered, to the reference that its function is given or to the sender. **Errors**: Error
 * `Query Timeout`; Error where nobody is there; ACTOR_CRASHED and ACTOR_STOPPED when nobody is left to answer.
 */
export const query = queryOf as unknown as types.AskFor

export const configurePersistence = configureEngine as unknown as (engine: PersistenceEngine) => types.Plugin
export const configureLogging = configure as unknown as (engine: types.LoggingEngine) => types.Plugin
export const logToConsole = toConsole as unknown as (properties?: types.ConsoleLoggerProperties) => types.LoggingEngine
export const logNothing = nothing as unknown as () => types.LoggingEngine

/** A reference to nobody. */
export const Nobody = NobodyReference as unknown as new () => types.Ref<types.Anything>
export type Nobody = types.Ref<types.Anything>

/** For modules that import nact as a whole, which as a CommonJS package is its own default. */
export default {
  ...time,
  start,
  spawn,
  spawnStateless,
  spawnPersistent,
  persistentQuery,
  stop,
  dispatch,
  query,
  configurePersistence,
  configureLogging,
  logToConsole,
  logNothing,
  Nobody,
}

export type {
  ActorContext,
  ActorContextWithMailbox,
  ActorFunc,
  ActorName,
  ActorPathType as ActorPath,
  ActorProps,
  ActorSystem,
  ActorSystemName,
  ActorSystemRef,
  ConsoleLoggerProperties,
  InferResponseFromMsgFactory,
  Json,
  LogEvent,
  LogException,
  Logger,
  LoggingEngine,
  LogLevel,
  LogMetric,
  LogMsg,
  LogTrace,
  Milliseconds,
  NumberOfMessages,
  PersistentActorContext,
  PersistentActorFunc,
  PersistentActorProps,
  PersistentQueryFunc,
  PersistentQueryProps,
  Plugin,
  QueryMsgFactory,
  Ref,
  StatelessActorFunc,
  StatelessActorProps,
  SupervisionActorFunc,
  SupervisionContext,
} from '../types.ts'
export type {
  EventStream,
  PersistedEvent,
  PersistedSnapshot,
  PersistenceEngine,
} from './persistence/persistence-engine.ts'

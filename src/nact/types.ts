/**
 * The types of nact's declarations, by their names. Like those they say little of messages: a program that compiled against
 * nact compiles against this.
 */

// biome-ignore lint/suspicious/noExplicitAny: nact's declarations infer messages and states from functions whose parameters have no types.
export type Anything = any

export type Milliseconds = number
export type NumberOfMessages = number
export type Json = unknown
export type ActorName = string
export type ActorSystemName = string

/** A reference to an actor that takes such messages; as in nact, that says it to the reader only. */
export abstract class Ref<_Message> {}

export type ActorSystemRef = Ref<never>

/** What a context has as `log`. */
export interface Logger {
  trace(message: string): void
  debug(message: string): void
  info(message: string): void
  warn(message: string): void
  error(message: string): void
  critical(message: string): void
  event(name: string, eventProperties: Anything): void
  metric(name: string, values: Anything): void
  exception(exception: Error): void
}

export type LoggerLike = Logger

export abstract class ActorPathType {
  abstract parts: [string, ...string[]]
  abstract system: string
  abstract toString(): string
}

// ── contexts ─────────────────────────────────────────────────────────────────────────────────────────────────────────

export type ActorContext<Msg, ParentRef extends Ref<Anything>> = {
  parent: ParentRef
  path: ActorPathType
  self: Ref<Msg>
  name: ActorName
  children: Map<ActorName, Ref<unknown>>
  log: Logger
}

export type PersistentActorContext<Msg, ParentRef extends Ref<Anything>> = ActorContext<Msg, ParentRef> & {
  persist: (msg: Msg) => Promise<void>
}

export type ActorContextWithMailbox<Msg, ParentRef extends Ref<Anything>> = ActorContext<Msg, ParentRef> & {
  mailbox: Msg[]
}

export type SupervisionContext<Msg, ParentRef extends Ref<Anything>> = ActorContextWithMailbox<Msg, ParentRef> & {
  stop: Symbol
  stopAll: Symbol
  stopChild: Symbol
  stopAllChildren: Symbol
  escalate: Symbol
  resume: Symbol
  reset: Symbol
  resetAll: Symbol
  resetChild: Symbol
  resetAllChildren: Symbol
  mailbox: Msg[]
}

// ── an actor's functions ─────────────────────────────────────────────────────────────────────────────────────────────

export type ActorFunc<State, Msg, ParentRef extends Ref<Anything>> = (
  state: State,
  msg: Msg,
  ctx: ActorContext<Msg, ParentRef>,
) => State | Promise<State>

export type StatelessActorFunc<Msg, ParentRef extends Ref<Anything>> = (
  msg: Msg,
  ctx: ActorContext<Msg, ParentRef>,
) => void | Promise<void>

/** With `persist`, which nact's own declaration leaves out. */
export type PersistentActorFunc<State, Msg, ParentRef extends Ref<Anything>> = (
  state: State,
  msg: Msg,
  ctx: PersistentActorContext<Msg, ParentRef>,
) => State | Promise<State>

export type SupervisionActorFunc<Msg, ParentRef extends Ref<Anything>, ChildRef extends Ref<Anything>> = (
  msg: Msg | undefined,
  err: Error | undefined,
  ctx: SupervisionContext<Msg, ParentRef>,
  child: ChildRef | undefined,
) => Symbol | Promise<Symbol>

export type PersistentQueryFunc<State, Msg> = (state: State, msg: Msg) => State | Promise<State>

// ── configuration ────────────────────────────────────────────────────────────────────────────────────────────────────

export type ActorProps<State, Msg, ParentRef extends Ref<Anything>> = {
  shutdownAfter?: Milliseconds
  onCrash?: SupervisionActorFunc<Msg, ParentRef, Ref<Anything>>
  initialState?: State
  initialStateFunc?: (ctx: ActorContext<Msg, ParentRef>) => State
  afterStop?: (state: State, ctx: ActorContextWithMailbox<Msg, ParentRef>) => void | Promise<void>
}

export type StatelessActorProps<Msg, ParentRef extends Ref<Anything>> = Omit<
  ActorProps<Anything, Msg, ParentRef>,
  'initialState' | 'initialStateFunc' | 'afterStop'
>

type Coding<State, Msg> = {
  snapshotEvery?: NumberOfMessages
  snapshotEncoder?: (state: State) => Json
  snapshotDecoder?: (state: Json) => State
  encoder?: (msg: Msg) => Json
  decoder?: (msg: Json) => Msg
}

export type PersistentActorProps<State, Msg, ParentRef extends Ref<Anything>> = ActorProps<State, Msg, ParentRef> &
  Coding<State, Msg>

export type PersistentQueryProps<State, Msg> = Coding<State, Msg> & {
  snapshotKey?: string
  cacheDuration?: Milliseconds
  initialState?: State
}

// ── what functions say of their types ────────────────────────────────────────────────────────────────────────────────

export type AnyActorFunc = (state: Anything, msg: Anything, ctx: Anything) => Anything
export type InferMsgFromFunc<T extends AnyActorFunc> = T extends ActorFunc<Anything, infer Msg, Anything> ? Msg : never
export type InferStateFromFunc<T extends AnyActorFunc> =
  T extends ActorFunc<infer State, Anything, Anything> ? State : never
export type InferMsgFromPersistentFunc<T extends AnyActorFunc> =
  T extends PersistentActorFunc<Anything, infer Msg, Anything> ? Msg : never
export type InferStateFromPersistentFunc<T extends AnyActorFunc> =
  T extends PersistentActorFunc<infer State, Anything, Anything> ? State : never
export type InferMsgFromStatelessFunc<T extends StatelessActorFunc<Anything, Anything>> =
  T extends StatelessActorFunc<infer Msg, Anything> ? Msg : never
export type InferMsgFromPersistentQuery<T extends PersistentQueryFunc<Anything, Anything>> =
  T extends PersistentQueryFunc<Anything, infer Msg> ? Msg : never
export type InferStateFromPersistentQuery<T extends PersistentQueryFunc<Anything, Anything>> =
  T extends PersistentQueryFunc<infer State, Anything> ? State : never

export type QueryMsgFactory<Req, Res> = (tempRef: Ref<Res>) => Req
export type InferResponseFromMsgFactory<T extends QueryMsgFactory<Anything, Anything>> =
  T extends QueryMsgFactory<Anything, infer Res> ? Res : never

// ── logging ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** OFF, TRACE, DEBUG, INFO, WARN, ERROR, CRITICAL. */
export type LogLevel = 0 | 1 | 2 | 3 | 4 | 5 | 6

type Logged = { actor: Ref<unknown>; createdAt: Date }
export type LogTrace = Logged & { type: 'trace'; level: LogLevel; message: string }
export type LogEvent = Logged & { type: 'event'; name: string; properties: Json }
export type LogMetric = Logged & { type: 'metric'; name: string; values: Json }
export type LogException = Logged & { type: 'exception'; exception: Error | undefined }
export type LogMsg = LogTrace | LogEvent | LogMetric | LogException

export type LoggingEngine = (systemRef: Ref<never>) => Ref<LogMsg>

export type ConsoleLoggerProperties = {
  consoleProxy?: Console
  formatter?: (msg: LogMsg) => string
  /** Of the logger's actor. */
  name?: string
}

// ── the functions ────────────────────────────────────────────────────────────────────────────────────────────────────

export abstract class ActorSystem {}
export type Plugin = (system: ActorSystem) => void

export type Spawn = <ParentRef extends Ref<Anything>, Func extends ActorFunc<Anything, Anything, ParentRef>>(
  parent: ParentRef,
  f: Func,
  name?: string,
  properties?: ActorProps<InferStateFromFunc<Func>, InferMsgFromFunc<Func>, ParentRef>,
) => Ref<InferMsgFromFunc<Func>>

export type SpawnStateless = <ParentRef extends Ref<Anything>, Func extends StatelessActorFunc<Anything, ParentRef>>(
  parent: ParentRef,
  f: Func,
  name?: Anything,
  properties?: StatelessActorProps<InferMsgFromStatelessFunc<Func>, ParentRef>,
) => Ref<InferMsgFromStatelessFunc<Func>>

export type SpawnPersistent = <
  ParentRef extends Ref<Anything>,
  Func extends PersistentActorFunc<Anything, Anything, ParentRef>,
>(
  parent: ParentRef,
  f: Func,
  key: string,
  name?: string,
  properties?: PersistentActorProps<InferStateFromPersistentFunc<Func>, InferMsgFromPersistentFunc<Func>, ParentRef>,
) => Ref<InferMsgFromPersistentFunc<Func>>

export type PersistentQuery = <Func extends PersistentQueryFunc<Anything, Anything>>(
  parent: Ref<Anything>,
  f: Func,
  key: string,
  properties?: PersistentQueryProps<InferStateFromPersistentQuery<Func>, InferMsgFromPersistentQuery<Func>>,
) => () => Promise<InferStateFromPersistentQuery<Func>>

export type Stop = (actor: Ref<Anything>) => void

/** A sender may be given as a third argument, as nact's declarations do not say: it has no type of its own. */
export type Dispatch = <T>(actor: Ref<T>, msg: T) => void

export type AskFor = <Msg, MsgCreator extends QueryMsgFactory<Msg, Anything>>(
  actor: Ref<Msg>,
  queryFactory: MsgCreator,
  timeout: Milliseconds,
) => Promise<InferResponseFromMsgFactory<MsgCreator>>

export type Start = (fst?: Plugin | ActorSystemName, ...args: Plugin[]) => ActorSystemRef

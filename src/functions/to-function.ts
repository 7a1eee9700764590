import { isRuntimeError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import { type Clock, type Ports, systemPorts } from '../base/ports.ts'
import { type EventSourcedDefinition, persistenceIdOf } from '../persistence/event-sourced.ts'
import { EventStore } from '../persistence/event-store.ts'
import type { Journal } from '../persistence/journal.ts'
import type { AnyProjection } from '../projection/folding.ts'
import type { ProjectionDefinition } from '../projection/projection.ts'
import { Projector } from '../projection/projector.ts'
import type { ViewStore } from '../projection/view-store.ts'
import { checkEntityEvent, checkFunction, checkMessageId, checkRouted } from './checks.ts'
import { type AnyEntity, type EntityEvent, type EntityResult, handleOnce, restAfter } from './entity-function.ts'
import { Invocation, stdoutLogger } from './invocation.ts'

/** A message of a bus: its type, its data, and its id. */
export interface BusEvent {
  readonly type: string
  readonly payload: unknown
  readonly id: string
  readonly correlationId?: string
  readonly traceId?: string
}

/** Which entity a message is for, and what it is told. Made by `routed`. */
export interface Routed {
  readonly definition: AnyEntity
  readonly id: string
  readonly command: unknown
}

export const routed = <Command, Event extends { readonly type: string }, State, Reply>(
  definition: EventSourcedDefinition<Command, Event, State, Reply>,
  id: string,
  command: Command,
): Routed => ({ definition: definition as unknown as AnyEntity, id, command })

export interface BridgeTranslation {
  /** Its messages are remembered under that name. Stable for ever. */
  readonly name: string
  /** What a message is for one entity; null: nothing. */
  translate(message: BusEvent): Routed | null
}

export interface FunctionOptions {
  /** Opened by the first invocation, and kept open. In more than one process it must be a guest's. */
  readonly journal: Journal
  /** Default: 100. */
  readonly attemptsMax?: number
  /** Gets one line for each invocation. Default: to standard output. */
  readonly logger?: Logger
  readonly ports?: Partial<Ports>
}

/** What a platform tells beside the event. */
export interface InvocationContext {
  /** Where the event has none of its own. A W3C trace parent is stored with the events. */
  readonly traceId?: string
}

export type TroupeFunction<Event, Result> = ((event: Event, context?: InvocationContext) => Promise<Result>) & {
  /** Writes the line of an invocation that never began: what came could not be read as an event. */
  unread(error: Error, context?: InvocationContext): void
  /** Closes the store, where the platform says that it is the end. */
  close(): Promise<void>
}

/**
 * A function for a platform that runs one per event: recovers, decides, appends, returns. **Delivery**: a message with an
 * id has its effect once. **Errors** reject; DEFINITION_INVALID and PROJECTION_INVALID, thrown, for options that do not fit.
 * docs/functions.md has all promises.
 */
export function toFunction<Command, Event extends { readonly type: string }, State, Reply>(
  options: FunctionOptions & { readonly entity: EventSourcedDefinition<Command, Event, State, Reply> },
): TroupeFunction<EntityEvent<Command>, EntityResult<Reply>>
export function toFunction(
  options: FunctionOptions & { readonly bridge: BridgeTranslation },
): TroupeFunction<BusEvent, EntityResult<unknown>>
/** Brings a view up to the end of the log, whatever the event; for a schedule, or a hint that there is news. */
export function toFunction<Event extends { readonly type: string }, Row extends object>(
  options: FunctionOptions & { readonly projection: ProjectionDefinition<Event, Row>; readonly views: ViewStore },
): TroupeFunction<unknown, { readonly steps: number; readonly conflicts: number }>
export function toFunction(options: FunctionOptions & Partial<Kinds>): TroupeFunction<never, unknown> {
  checkFunction(options)
  const { entity, bridge, projection, views, attemptsMax = 100 } = options
  const opened = new OpenedStore(options)
  if (entity !== undefined) {
    return opened.invoking(entity.name, async (store, event: EntityEvent<unknown>, line) => {
      checkEntityEvent(entity.name, event)
      line.entity = persistenceIdOf(entity.name, event.id)
      return handleOnce(store, entity as AnyEntity, `function ${entity.name}`, tracedBy(line, event), attemptsMax)
    })
  }
  if (bridge !== undefined)
    return opened.invoking(bridge.name, async (store, message: BusEvent, line) => {
      checkMessageId((message as BusEvent | null | undefined)?.id)
      const route = bridge.translate(message)
      if (route === null) return NOTHING
      checkRouted(bridge.name, route)
      line.entity = persistenceIdOf(route.definition.name, route.id)
      const { id: messageId, correlationId } = message
      const event = {
        id: route.id,
        command: route.command,
        messageId,
        ...(correlationId !== undefined && { correlationId }),
      }
      return handleOnce(store, route.definition, `function ${bridge.name}`, tracedBy(line, event), attemptsMax)
    })
  // Whatever kind is left, as `checkFunction` has seen.
  return opened.invoking(projection!.name, store => bringOn(store, projection as AnyProjection, views!, attemptsMax))
}

interface Kinds {
  readonly entity: unknown & { readonly name: string }
  readonly bridge: BridgeTranslation
  readonly projection: unknown & { readonly name: string }
  readonly views: ViewStore
}

const NOTHING: EntityResult<unknown> = { reply: undefined, repeated: false, conflicts: 0 }

/** To where the log ends when it begins, at least. Another instance may be at the same view: what that wrote is gone on from. */
const bringOn = async (store: EventStore, projection: AnyProjection, views: ViewStore, attemptsMax: number) => {
  await store.catchUp()
  const projector = new Projector(projection, store, views, { live: () => undefined })
  for (let steps = 1, conflicts = 0; ; steps++)
    try {
      if (!(await projector.step())) return { steps, conflicts }
    } catch (error) {
      const isTheirs = isRuntimeError(error, 'VIEW_CONFLICT') || isRuntimeError(error, 'VIEW_GONE')
      if (!isTheirs || ++conflicts >= attemptsMax) throw error
      await restAfter(store, conflicts)
    }
}

/** The event's own trace, or else the platform's, goes with what the invocation stores. */
const tracedBy = <Command>({ traceId }: Invocation, event: EntityEvent<Command>): EntityEvent<Command> =>
  traceId === null ? event : { ...event, traceId }

/** The store of a function's instance: opened once, by whoever comes first. */
class OpenedStore {
  private readonly options: FunctionOptions
  private readonly logger: Logger
  private readonly clock: Clock
  private opening: Promise<EventStore> | null = null

  constructor(options: FunctionOptions) {
    this.options = options
    this.logger = options.logger ?? stdoutLogger
    this.clock = { ...systemPorts, ...options.ports }.clock
  }

  invoking<Event, Result>(
    name: string,
    run: (store: EventStore, event: Event, line: Invocation) => Promise<Result>,
  ): TroupeFunction<Event, Result> {
    const begin = (start: string, traceId: string | null): Invocation =>
      new Invocation(this.logger, this.clock, name, start, traceId)
    const invoke = async (event: Event, context: InvocationContext = {}): Promise<Result> => {
      const ownTraceId = (event as { readonly traceId?: string } | null | undefined)?.traceId
      const line = begin(this.opening === null ? 'cold' : 'warm', ownTraceId ?? context.traceId ?? null)
      try {
        const result = await run(await this.open(), event, line)
        line.write({ conflicts: (result as { readonly conflicts?: number }).conflicts ?? 0 })
        return result
      } catch (error) {
        line.write({ error })
        throw error
      }
    }
    return Object.assign(invoke, {
      unread: (error: Error, context: InvocationContext = {}) =>
        begin('unread', context.traceId ?? null).write({ error }),
      close: () => this.close(),
    })
  }

  /** One that could not be opened is opened anew by the next invocation. */
  private open(): Promise<EventStore> {
    const ports = { ...systemPorts, ...this.options.ports, logger: this.logger }
    this.opening ??= EventStore.open(this.options.journal, ports).catch(error => {
      this.opening = null
      throw error
    })
    return this.opening
  }

  private async close(): Promise<void> {
    const store = await this.opening
    this.opening = null
    await store?.close()
  }
}

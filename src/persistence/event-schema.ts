import { RuntimeError, toError } from '../base/errors.ts'

/**
 * How the events of a kind have changed since the first was stored. The log is never rewritten: an event keeps the
 * version that it was written with, and upcasters bring it to the present one each time it is read.
 *
 *     stored      RateNoted v1 ─▶ v2 ─▶ v3 = present           one to one
 *                 Moved v1     ─▶ Left v1, Entered v1          one to several, or to another type
 *                 Debugged v1  ─▶ (nothing)                    one to none
 */

/** An event as it was stored, or as an upcaster leaves it. */
export interface VersionedEvent {
  readonly type: string
  readonly version: number
  readonly payload: unknown
}

/** Brings one version of one type a step further. Pure, as `evolve` is: it runs at every recovery. */
export interface Upcaster {
  readonly type: string
  /** The version that it reads. */
  readonly version: number
  readonly step: (payload: never) => readonly VersionedEvent[]
}

/** To the next version of the same type. `next` keeps the payload's `type`, or leaves it out. */
export const upcast = <Old>(type: string, version: number, next: (payload: Old) => object): Upcaster => ({
  type,
  version,
  step: payload => [{ type, version: version + 1, payload: { ...next(payload), type } }],
})

/** To any number of other events, of the versions that they say. */
export const upcastTo = <Old>(
  type: string,
  version: number,
  step: (payload: Old) => readonly VersionedEvent[],
): Upcaster => ({ type, version, step })

/** To nothing: what is no longer of interest keeps its sequence number and is not folded. */
export const dropEvent = (type: string, version: number): Upcaster => ({ type, version, step: () => NOTHING })

/** What is known of a kind's events, now and of old. */
export interface EventSchemaDefinition<Event extends { readonly type: string }> {
  /** The present version of every type, from 1. */
  readonly versions: { readonly [Type in Event['type']]: number }
  readonly upcasters?: readonly Upcaster[]
  /** What is done about a stored event that nothing here reads: `fail`, the default, stops whoever reads it. */
  readonly unknown?: 'fail' | 'skip'
}

/**
 * Versions and upcasters of a kind's events; give it to `eventSourced` as `schema`.
 *
 * **Errors**: DEFINITION_INVALID where a version is no whole number from 1, an older version of a present type has no
 * upcaster, or two read the same one. **Bounds**: an event takes at most 1,000 steps.
 */
export const eventSchema = <Event extends { readonly type: string }>(
  definition: EventSchemaDefinition<Event>,
): EventSchema => new EventSchema(definition.versions, definition.upcasters ?? [], definition.unknown ?? 'fail')

const NOTHING: readonly never[] = []
const STEPS_MAX = 1_000

/** What `eventSchema` gives: the way from each stored version of an event to the present one. */
export class EventSchema {
  private readonly versions: ReadonlyMap<string, number>
  private readonly upcasters: ReadonlyMap<string, Upcaster>
  private readonly skipsUnknown: boolean

  constructor(versions: { readonly [type: string]: number }, upcasters: readonly Upcaster[], unknown: 'fail' | 'skip') {
    this.versions = new Map(Object.entries(versions))
    this.upcasters = new Map(upcasters.map(each => [placeOf(each.type, each.version), each]))
    this.skipsUnknown = unknown === 'skip'
    if (this.upcasters.size < upcasters.length) throw invalid('two upcasters read the same version of one type')
    for (const { type, version } of upcasters) checkVersion(type, version)
    for (const [type, version] of this.versions) this.checkSteps(type, checkVersion(type, version))
  }

  /** The version that an event of `type` is stored with now; null: `type` is no event of this schema. */
  versionOf(type: string): number | null {
    return this.versions.get(type) ?? null
  }

  /**
   * What a stored event is at present: itself, others, or nothing. `where` names it for people.
   * **Errors**: EVENT_UNKNOWN for a type or version that nothing here reads; EVENT_UPCAST_FAILED when an upcaster throws.
   */
  read(stored: VersionedEvent, where: string): readonly unknown[] {
    if (this.versions.get(stored.type) === stored.version) return [stored.payload]
    const present: unknown[] = []
    const left: VersionedEvent[] = [stored]
    for (let steps = 0; left.length > 0; steps++) {
      if (steps === STEPS_MAX) throw failed(where, stored, new Error(`its upcasters do not come to an end`))
      const event = left.shift()!
      if (this.versions.get(event.type) === event.version) present.push(event.payload)
      else left.unshift(...this.step(event, stored, where))
    }
    return present
  }

  private step(event: VersionedEvent, stored: VersionedEvent, where: string): readonly VersionedEvent[] {
    const upcaster = this.upcasters.get(placeOf(event.type, event.version))
    if (upcaster === undefined) {
      if (this.skipsUnknown) return NOTHING
      throw unknownEvent(where, event, this.versions.get(event.type))
    }
    try {
      return upcaster.step(event.payload as never)
    } catch (thrown) {
      throw failed(where, stored, toError(thrown))
    }
  }

  private checkSteps(type: string, present: number): void {
    for (let version = 1; version < present; version++)
      if (!this.upcasters.has(placeOf(type, version)))
        throw invalid(`${type} is at version ${present}, and no upcaster reads version ${version}`)
    if (this.upcasters.has(placeOf(type, present)))
      throw invalid(`an upcaster reads version ${present} of ${type}, which is the present one`)
  }
}

const placeOf = (type: string, version: number): string => `${version} ${type}`

const checkVersion = (type: string, version: number): number => {
  if (Number.isSafeInteger(version) && version >= 1) return version
  throw invalid(`the version of ${type} must be a whole number of at least 1, not ${version}`)
}

const invalid = (text: string): RuntimeError => new RuntimeError('DEFINITION_INVALID', `event schema: ${text}`)

const unknownEvent = (where: string, { type, version }: VersionedEvent, present: number | undefined): RuntimeError =>
  new RuntimeError(
    'EVENT_UNKNOWN',
    `${where}: no event ${type} of version ${version} is known` +
      (present === undefined ? '' : `, the present version is ${present}`) +
      '. A later release may have written it: run that one, add an upcaster, or let the schema skip what is unknown.',
  )

const failed = (where: string, { type, version }: VersionedEvent, cause: Error): RuntimeError =>
  new RuntimeError('EVENT_UPCAST_FAILED', `${where}: ${type} of version ${version} was not upcast: ${cause.message}`, {
    cause,
  })

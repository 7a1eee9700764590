import { isRuntimeError } from '../../base/errors.ts'
import { type EntityKind, oneEntity } from '../../persistence/event-sourced-entities.ts'
import type { EventStore } from '../../persistence/event-store.ts'
import { stateAsOf } from '../../persistence/history.ts'
import { recover } from '../../persistence/recovery.ts'
import { DISCARDED_MAX, type ParkedMessage, type Parking, type ParkingCommand, parkingLot } from '../parking-lot.ts'
import type { InFlight } from './in-flight.ts'
import type { Overtaken } from './overtaken.ts'

/** Longest text of an error that is stored with a parked message. Units: UTF-16 code units. */
const ERROR_TEXT_MAX = 2_000

/** What a bridge has parked: stored by its parking lot, and at hand here by key. */
export class ParkedMessages {
  readonly lot: EntityKind<ParkingCommand, true>
  private readonly store: EventStore
  private readonly bridge: string
  private readonly overtaken: Overtaken
  /** By key, then by id in the order of parking. */
  private readonly byKey = new Map<string, Map<string, ParkedMessage>>()
  private readonly discarded = new Set<string>()

  constructor(store: EventStore, bridge: string, overtaken: Overtaken) {
    this.lot = oneEntity(parkingLot, store, bridge)
    this.store = store
    this.bridge = bridge
    this.overtaken = overtaken
  }

  /** Reads what was parked before. */
  async recover(): Promise<void> {
    const { state } = await recover<Parking>(this.store, parkingLot as never, this.bridge)
    for (const id of state.discarded) this.discarded.add(id)
    for (const message of state.parked) {
      this.add(message)
      if (message.target !== null) this.overtaken.add(message.target, message.partition, message.position)
    }
  }

  /** Nothing is parked, and nothing was discarded lately. */
  get isEmpty(): boolean {
    return this.byKey.size === 0 && this.discarded.size === 0
  }

  /** What was parked then. **Errors**: those of the journal. **Bounds**: time in proportion to all that was ever parked. */
  static async asOf(store: EventStore, bridge: string, timeMs: number): Promise<readonly ParkedMessage[]> {
    const { state } = await stateAsOf<Parking>(store, parkingLot as never, bridge, { timeMs })
    return state.parked
  }

  all(): readonly ParkedMessage[] {
    return [...this.byKey.values()].flatMap(messages => [...messages.values()])
  }

  countOf(key: string): number {
    return this.byKey.get(key)?.size ?? 0
  }

  /** The first of a key, or the one with that id. */
  first(key: string, id: string | null): ParkedMessage | null {
    const messages = this.byKey.get(key)
    if (messages === undefined) return null
    return (id === null ? messages.values().next().value : messages.get(id)) ?? null
  }

  /** It comes a second time: the source did not learn in time that it is dealt with. */
  knows({ key, id }: InFlight): boolean {
    return this.discarded.has(id) || this.byKey.get(key)?.has(id) === true
  }

  /**
   * Whether one of its key was parked before it. Not so for one that comes a second time and was before them: its turn
   * was over when the first of them was parked. Without positions nobody can tell; such a one is parked too, and its
   * receiver knows it when it is replayed.
   */
  isBefore({ key, partition, position }: InFlight): boolean {
    const messages = this.byKey.get(key)
    if (messages === undefined) return false
    for (const m of messages.values())
      if (m.partition !== partition || position === null || m.position! < position) return true
    return false
  }

  /**
   * Resolves when it is stored. Where the record of it would be larger or deeper than records may be, and `canReadAgain`
   * says that its log keeps it, without its payload. **Errors**: those of the store.
   */
  async park(inFlight: InFlight, error: Error | null, nowMs: number, canReadAgain: boolean): Promise<void> {
    const { message, key, target, failures } = inFlight
    const { partition, position, type, payload, id, correlationId, invalid = null } = message
    if (target !== null) this.overtaken.add(target, partition, position)
    const place = { key, partition, position, target }
    const why = { invalid, error: errorText(error), failures: error === null ? 0 : Math.max(1, failures) }
    const whole = { ...place, type, payload, isReference: false, id, correlationId, ...why }
    const record = await this.write(whole, canReadAgain)
    this.add({ ...record, parkedAtMs: nowMs })
  }

  /** Resolves when it is stored that the message is dealt with. **Errors**: those of the store. */
  async release({ key, id }: InFlight, isDiscarded: boolean): Promise<void> {
    await this.lot.ask(this.bridge, { type: isDiscarded ? 'Discard' : 'Release', id })
    if (isDiscarded) this.noteDiscarded(id)
    const messages = this.byKey.get(key)
    const released = messages?.get(id)
    if (messages === undefined || released === undefined) return
    if (released.target !== null) this.overtaken.remove(released.target, released.partition, released.position)
    messages.delete(id)
    if (messages.size === 0) this.byKey.delete(key)
  }

  /** As many as the lot keeps, the newest. */
  private noteDiscarded(id: string): void {
    this.discarded.add(id)
    if (this.discarded.size > DISCARDED_MAX) this.discarded.delete(this.discarded.values().next().value!)
  }

  private async write(whole: Unparked, canReadAgain: boolean): Promise<Unparked> {
    try {
      await this.lot.ask(this.bridge, { type: 'Park', message: whole })
      return whole
    } catch (error) {
      const isRefused = isRuntimeError(error, 'EVENT_TOO_LARGE') || isRuntimeError(error, 'EVENT_NOT_STORABLE')
      if (!isRefused || !canReadAgain) throw error
      const reference = { ...whole, payload: null, isReference: true }
      await this.lot.ask(this.bridge, { type: 'Park', message: reference })
      return reference
    }
  }

  private add(message: ParkedMessage): void {
    const messages = this.byKey.get(message.key)
    if (messages === undefined) this.byKey.set(message.key, new Map([[message.id, message]]))
    else messages.set(message.id, message)
  }
}

type Unparked = Omit<ParkedMessage, 'parkedAtMs'>

/** Texts of errors hold what they like; what is stored and told is well-formed and bounded. */
export const errorText = (error: Error | null): string | null =>
  error === null ? null : String(error.message).slice(0, ERROR_TEXT_MAX).toWellFormed()

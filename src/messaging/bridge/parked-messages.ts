import { type EntityKind, oneEntity } from '../../persistence/event-sourced-entities.ts'
import type { EventStore } from '../../persistence/event-store.ts'
import { recover } from '../../persistence/recovery.ts'
import { type ParkedMessage, type Parking, type ParkingCommand, parkingLot } from '../parking-lot.ts'
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
  private readonly byKey = new Map<string, ParkedMessage[]>()

  constructor(store: EventStore, bridge: string, overtaken: Overtaken) {
    this.lot = oneEntity(parkingLot, store, bridge)
    this.store = store
    this.bridge = bridge
    this.overtaken = overtaken
  }

  /** Reads what was parked before. */
  async recover(): Promise<void> {
    const { state } = await recover<Parking>(this.store, parkingLot as never, this.bridge)
    for (const message of state.parked) {
      this.add(message)
      if (message.target !== null) this.overtaken.add(message.target, message.partition, message.position)
    }
  }

  all(): readonly ParkedMessage[] {
    return [...this.byKey.values()].flat()
  }

  of(key: string): readonly ParkedMessage[] {
    return this.byKey.get(key) ?? []
  }

  /** It comes a second time: the source did not learn in time that it is dealt with. */
  has({ key, id }: InFlight): boolean {
    return this.of(key).some(parked => parked.id === id)
  }

  /**
   * Whether one of its key was parked before it. Not so for one that comes a second time and was before them: its turn
   * was over when the first of them was parked. Without positions nobody can tell; such a one is parked too, and its
   * receiver knows it when it is replayed.
   */
  isBefore({ key, partition, position }: InFlight): boolean {
    return this.of(key).some(m => m.partition !== partition || position === null || m.position! < position)
  }

  /** Resolves when it is stored. **Errors**: those of the store. */
  async park(inFlight: InFlight, nowMs: number): Promise<void> {
    const { message, key, error } = inFlight
    const { partition, position, type, payload, id, correlationId, invalid = null } = message
    const target = inFlight.route === null ? null : inFlight.target
    if (target !== null) this.overtaken.add(target, partition, position)
    const place = { key, partition, position, target }
    const record = { ...place, type, payload, id, correlationId, invalid, error: textOf(error) }
    await this.lot.ask(this.bridge, { type: 'Park', message: record })
    this.add({ ...record, parkedAtMs: nowMs })
  }

  /** Resolves when it is stored that the message is dealt with. **Errors**: those of the store. */
  async release({ key, id }: InFlight): Promise<void> {
    await this.lot.ask(this.bridge, { type: 'Release', id })
    for (const m of this.of(key))
      if (m.id === id && m.target !== null) this.overtaken.remove(m.target, m.partition, m.position)
    const left = this.of(key).filter(m => m.id !== id)
    if (left.length === 0) this.byKey.delete(key)
    else this.byKey.set(key, left)
  }

  private add(message: ParkedMessage): void {
    const parked = this.byKey.get(message.key)
    if (parked === undefined) this.byKey.set(message.key, [message])
    else parked.push(message)
  }
}

/** Texts of errors hold what they like; what is stored is well-formed and bounded. */
const textOf = (error: Error | null): string | null =>
  error === null ? null : String(error.message).slice(0, ERROR_TEXT_MAX).toWellFormed()

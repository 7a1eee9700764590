import { eventSourced } from '../persistence/event-sourced.ts'

/** A message that was set aside since it, or one before it of the same key, kept failing. */
export interface ParkedMessage {
  readonly key: string
  readonly partition: number
  readonly position: number | null
  readonly type: string
  readonly payload: unknown
  /** Its payload was too large to be stored a second time: it lies in its log, and null stands here. */
  readonly isReference: boolean
  readonly id: string
  readonly correlationId: string | null
  /** What its source found wrong with it; null where it could be read. */
  readonly invalid: string | null
  /** Receiver that it was meant for; null where no receiver could be told. */
  readonly target: string | null
  /** Why; null for one that is parked behind another. */
  readonly error: string | null
  /** How often it failed until then; 0 for one that is parked behind another. */
  readonly failures: number
  readonly parkedAtMs: number
}

export type ParkingCommand =
  | { readonly type: 'Park'; readonly message: Omit<ParkedMessage, 'parkedAtMs'> }
  | { readonly type: 'Release'; readonly id: string }
  | { readonly type: 'Discard'; readonly id: string }

export type ParkingEvent =
  | { readonly type: 'MessageParked'; readonly message: ParkedMessage }
  | { readonly type: 'MessageReleased'; readonly id: string }
  | { readonly type: 'MessageDiscarded'; readonly id: string }

export interface Parking {
  readonly parked: readonly ParkedMessage[]
  /** Ids of the last that were discarded: a source may not have learnt in time that they are dealt with. */
  readonly discarded: readonly string[]
}

/** So many discarded messages are known when they come again. */
export const DISCARDED_MAX = 1_000

/** What a bridge has parked, durable: one entity per bridge. Parking twice and releasing twice change nothing. */
export const parkingLot = eventSourced<ParkingCommand, ParkingEvent, Parking, true>({
  name: 'parking-lot',
  initial: () => ({ parked: [], discarded: [] }),
  decide: (state, command, { nowMs }) => {
    switch (command.type) {
      case 'Park': {
        if (isParked(state, command.message.id)) return { reply: true }
        return { events: [{ type: 'MessageParked', message: { ...command.message, parkedAtMs: nowMs } }], reply: true }
      }
      case 'Release': {
        if (!isParked(state, command.id)) return { reply: true }
        return { events: [{ type: 'MessageReleased', id: command.id }], reply: true }
      }
      case 'Discard': {
        if (!isParked(state, command.id)) return { reply: true }
        return { events: [{ type: 'MessageDiscarded', id: command.id }], reply: true }
      }
    }
  },
  evolve: (state, event) => {
    switch (event.type) {
      case 'MessageParked':
        return { ...state, parked: [...state.parked, counted(event.message)] }
      case 'MessageReleased':
        return { ...state, parked: without(state.parked, event.id) }
      case 'MessageDiscarded':
        return {
          parked: without(state.parked, event.id),
          discarded: [...state.discarded, event.id].slice(-DISCARDED_MAX),
        }
    }
  },
  // It holds all that is parked, payloads and all, so it is not made often.
  snapshot: { every: 1_000, version: 2 },
})

/** Records of a time when failures were not counted have none. */
const counted = (message: ParkedMessage & { readonly failures?: number }): ParkedMessage =>
  message.failures === undefined ? { ...message, failures: message.error === null ? 0 : 1 } : message

const isParked = ({ parked }: Parking, id: string): boolean => parked.some(message => message.id === id)

const without = (parked: readonly ParkedMessage[], id: string): readonly ParkedMessage[] =>
  parked.filter(message => message.id !== id)

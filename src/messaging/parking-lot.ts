import { eventSourced } from '../persistence/event-sourced.ts'

/** A message that was set aside since it, or one before it of the same key, kept failing. */
export interface ParkedMessage {
  readonly key: string
  readonly partition: number
  readonly position: number | null
  readonly type: string
  readonly payload: unknown
  readonly id: string
  readonly correlationId: string | null
  /** What its source found wrong with it; null where it could be read. */
  readonly invalid: string | null
  /** Receiver that it was meant for; null where no receiver could be told. */
  readonly target: string | null
  /** Why; null for one that is parked behind another. */
  readonly error: string | null
  readonly parkedAtMs: number
}

export type ParkingCommand =
  | { readonly type: 'Park'; readonly message: Omit<ParkedMessage, 'parkedAtMs'> }
  | { readonly type: 'Release'; readonly id: string }

export type ParkingEvent =
  | { readonly type: 'MessageParked'; readonly message: ParkedMessage }
  | { readonly type: 'MessageReleased'; readonly id: string }

export interface Parking {
  readonly parked: readonly ParkedMessage[]
}

/** What a bridge has parked, durable: one entity per bridge. Parking twice and releasing twice change nothing. */
export const parkingLot = eventSourced<ParkingCommand, ParkingEvent, Parking, true>({
  name: 'parking-lot',
  initial: () => ({ parked: [] }),
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
    }
  },
  evolve: (state, event) => {
    switch (event.type) {
      case 'MessageParked':
        return { parked: [...state.parked, event.message] }
      case 'MessageReleased':
        return { parked: state.parked.filter(message => message.id !== event.id) }
    }
  },
  snapshot: { every: 100 },
})

const isParked = ({ parked }: Parking, id: string): boolean => parked.some(message => message.id === id)

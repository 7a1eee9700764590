import { eventSourced } from '../persistence/event-sourced.ts'

/** A message that was set aside since it, or one before it of the same key, kept failing. */
export interface ParkedMessage {
  readonly key: string
  readonly partition: number
  readonly position: number
  readonly type: string
  readonly payload: unknown
  readonly id: string
  readonly correlationId: string | null
  /** Receiver that it was meant for; null where no receiver could be told. */
  readonly target: string | null
  /** Why; null for one that is parked behind another. */
  readonly error: string | null
  readonly parkedAtMs: number
}

export type ParkingCommand =
  | { readonly type: 'Park'; readonly message: Omit<ParkedMessage, 'parkedAtMs'> }
  | { readonly type: 'Release'; readonly partition: number; readonly position: number }

export type ParkingEvent =
  | { readonly type: 'MessageParked'; readonly message: ParkedMessage }
  | { readonly type: 'MessageReleased'; readonly partition: number; readonly position: number }

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
        const { partition, position } = command.message
        if (find(state, partition, position) !== undefined) return { reply: true }
        return { events: [{ type: 'MessageParked', message: { ...command.message, parkedAtMs: nowMs } }], reply: true }
      }
      case 'Release': {
        const { partition, position } = command
        if (find(state, partition, position) === undefined) return { reply: true }
        return { events: [{ type: 'MessageReleased', partition, position }], reply: true }
      }
    }
  },
  evolve: (state, event) => {
    switch (event.type) {
      case 'MessageParked':
        return { parked: [...state.parked, event.message] }
      case 'MessageReleased':
        return { parked: state.parked.filter(m => m.partition !== event.partition || m.position !== event.position) }
    }
  },
  snapshot: { every: 100 },
})

const find = (state: Parking, partition: number, position: number): ParkedMessage | undefined =>
  state.parked.find(message => message.partition === partition && message.position === position)

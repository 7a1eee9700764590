import type { Recovered, RecoveryListener } from 'troupe'

/** What was read back from the store since it was opened. */
export interface RecoveryFigures {
  readonly entities: number
  readonly fromSnapshot: number
  readonly eventsReplayed: number
}

/** Counts recoveries; an id that has no history yet is none. */
export class Recoveries implements RecoveryFigures, RecoveryListener {
  entities = 0
  fromSnapshot = 0
  eventsReplayed = 0

  recovered(_persistenceId: string, recovered: Recovered<unknown>): void {
    if (recovered.sequenceNr === 0) return
    this.entities++
    if (recovered.snapshotSequenceNr > 0) this.fromSnapshot++
    this.eventsReplayed += recovered.eventsReplayed
  }
}

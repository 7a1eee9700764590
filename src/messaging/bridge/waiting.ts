import { Ring } from '../../kernel/ring.ts'
import type { SourceMessage } from '../message-source.ts'
import type { InFlight } from './in-flight.ts'

/** Most messages of one key that are at hand while they wait; of the others behind them the place is known. */
const AT_HAND_MAX = 64

/** Messages of one partition that are to be read again. */
export interface ToRead {
  readonly partition: number
  readonly positions: readonly number[]
  /** Their receivers, as they were translated first. */
  readonly targets: readonly string[]
}

/**
 * What waits behind the first message of a key, in order: some messages at hand, then places, from which their source reads
 * them again in time. So a key with a hundred thousand messages behind a slow one holds three numbers for each.
 *
 *     at hand     m5 m6 … m68        places     (0, 1207) (0, 1208) …
 */
export class Waiting {
  /** What is being read again; it comes before the places. */
  reading: ToRead | null = null
  /** What that brought. */
  read: readonly SourceMessage[] | null = null
  private readonly atHand = new Ring<InFlight>()
  private partitions: number[] = []
  private positions: number[] = []
  private targets: string[] = []
  private taken = 0

  get isEmpty(): boolean {
    return this.atHand.isEmpty && this.reading === null && this.taken === this.positions.length
  }

  /** Whether the next message may be kept whole and in order. */
  get hasRoom(): boolean {
    return this.reading === null && this.taken === this.positions.length && this.atHand.length < AT_HAND_MAX
  }

  push(inFlight: InFlight): void {
    this.atHand.push(inFlight)
  }

  pushPlace(partition: number, position: number, target: string): void {
    this.partitions.push(partition)
    this.positions.push(position)
    // One text for all that have the same.
    const last = this.targets.at(-1)
    this.targets.push(last === target ? last : target)
  }

  /** The first at hand; null: it is to be read again. Call it only when something waits. */
  shift(): InFlight | null {
    return this.atHand.isEmpty ? null : this.atHand.shift()
  }

  /** Takes the first places, as many as one reading brings and `max` allows. They are `reading` until that is set to null. */
  beginReading(max: number): ToRead {
    const from = this.taken
    const partition = this.partitions[from]!
    const limit = Math.min(this.positions.length, from + Math.min(max, AT_HAND_MAX))
    let to = from + 1
    while (to < limit && this.partitions[to] === partition && this.positions[to]! > this.positions[to - 1]!) to++
    this.reading = { partition, positions: this.positions.slice(from, to), targets: this.targets.slice(from, to) }
    this.taken = to
    if (this.taken * 2 > this.positions.length) this.forgetTaken()
    return this.reading
  }

  private forgetTaken(): void {
    this.partitions = this.partitions.slice(this.taken)
    this.positions = this.positions.slice(this.taken)
    this.targets = this.targets.slice(this.taken)
    this.taken = 0
  }
}

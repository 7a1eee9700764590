import type { ActorRef, ReplyTo } from 'troupe'

/** A message to a worker of a random tree. */
export interface Work {
  readonly sender: number
  /** Grows with each message of a sender to a worker. */
  readonly nr: number
  readonly does: Doing
  readonly replyTo: ReplyTo<number> | null
}

export type Doing = 'answers' | 'throws' | 'waits' | 'waits and throws' | 'hangs' | 'says nothing'

export interface Incarnation {
  handling: boolean
}

/** What happened to the workers of a random tree, as they saw it themselves. */
export class TreeLedger {
  /** Workers by path, in the order of their first start. */
  readonly workers: ActorRef<Work>[] = []
  /** What did not hold, in words. */
  readonly broken: string[] = []
  /** How often each worker's end was told to who watches it. */
  readonly ends = new Map<string, number>()
  /** Workers that somebody watches. */
  watched = 0
  asked = 0
  settled = 0
  handled = 0
  private readonly lastNrs = new Map<string, number>()
  private readonly known = new Set<string>()

  started(worker: ActorRef<Work>): void {
    if (this.known.has(worker.path)) return
    this.known.add(worker.path)
    this.workers.push(worker)
  }

  begins(path: string, incarnation: Incarnation, { sender, nr }: Work): void {
    this.handled++
    if (incarnation.handling) this.broken.push(`${path} handles two messages at once`)
    incarnation.handling = true
    const pair = `${path} from ${sender}`
    const last = this.lastNrs.get(pair) ?? 0
    if (nr <= last) this.broken.push(`${pair}: ${nr} comes after ${last}`)
    this.lastNrs.set(pair, nr)
  }

  ended(path: string): void {
    const times = (this.ends.get(path) ?? 0) + 1
    this.ends.set(path, times)
    if (times > 1) this.broken.push(`${path}: its end is told ${times} times`)
  }
}

import type { FeedLog } from '../log/feed-log.ts'

/** Texts that are put together into one write; a longer one is a write of its own. Units: UTF-16 code units. */
const WRITE_LENGTH_MAX = 65_536
/** Writes kept: readers that keep up all want the same one. */
const KEPT = 32

/** Events as they go over the wire, and the number of the last of them. */
export interface Frames {
  readonly to: number
  readonly bytes: Buffer
}

/** Makes the frames that follow a number; those of the same events are made once for all who want them. */
export class FrameMaker {
  private readonly log: FeedLog
  private readonly kept = new Map<string, Frames>()

  constructor(log: FeedLog) {
    this.log = log
  }

  /** What comes after `number`, up to the end of a page; `number` is below the end. **Errors**: those of the journal. */
  after(number: number): Frames | Promise<Frames> {
    const { log } = this
    const to = Math.min(log.last, log.pageOf(number + 1) * log.pageSize)
    const key = `${log.incarnation}:${number}-${to}`
    const kept = this.kept.get(key)
    if (kept !== undefined) return kept
    const texts = log.read(number + 1, to)
    return texts instanceof Promise ? texts.then(found => this.make(key, number, found)) : this.make(key, number, texts)
  }

  private make(key: string, number: number, texts: readonly string[]): Frames {
    const prefix = `id: ${this.log.incarnation}:`
    let text = ''
    let to = number
    for (const each of texts) {
      text += `${prefix}${++to}\ndata: ${each}\n\n`
      if (text.length >= WRITE_LENGTH_MAX) break
    }
    const frames = { to, bytes: Buffer.from(text) }
    this.kept.set(key, frames)
    for (const oldest of this.kept.keys()) {
      if (this.kept.size <= KEPT) break
      this.kept.delete(oldest)
    }
    return frames
  }
}

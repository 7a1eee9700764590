/** One consumer of one consumer group, as commands to Redis: what is read, claimed, kept and acknowledged. */

import type { Connection } from './connection.ts'
import { script } from './scripts.ts'
import type { StreamEntry } from './streams-entry.ts'

const KEEP = script(`
-- Says that a consumer still works on entries: sets the time back since when they lie idle. Those that another consumer
-- has claimed by now are left to it.
-- KEYS[1] stream
-- ARGV[1] group  ARGV[2] consumer  ARGV[3..] entry ids
-- Returns how many of them are the consumer's
local own = {KEYS[1], ARGV[1], ARGV[2], 0}
for i = 3, #ARGV do
  if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[i], ARGV[i], 1, ARGV[2]) == 1 then own[#own + 1] = ARGV[i] end
end
local kept = #own - 4
own[#own + 1] = 'JUSTID'
if kept > 0 then redis.call('XCLAIM', unpack(own)) end
return kept
`)

/** Entries of one topic, in the order of their ids. */
export interface Found {
  readonly topic: number
  readonly entries: readonly StreamEntry[]
  /** Entries that the group has pending and that were deleted from the stream: nobody can read them any more. */
  readonly gone: readonly string[]
}

export interface Claimed extends Found {
  /** Where to look on; null: the whole list was looked through. */
  readonly next: string | null
}

type RawEntry = readonly [id: Buffer, fields: readonly Buffer[] | null]
type RawStreams = readonly (readonly [topic: Buffer, entries: readonly RawEntry[]])[] | null

export class StreamGroup {
  readonly topics: readonly string[]
  readonly group: string
  readonly consumer: string

  constructor(topics: readonly string[], group: string, consumer: string) {
    this.topics = topics
    this.group = group
    this.consumer = consumer
  }

  /** Makes the group, which begins with the first entry, and the topics, where they are not there. */
  async create(connection: Connection): Promise<void> {
    for (const topic of this.topics)
      try {
        await connection.once('XGROUP', 'CREATE', topic, this.group, '0', 'MKSTREAM')
      } catch (error) {
        if (!(error instanceof Error && error.message.startsWith('BUSYGROUP'))) throw error
      }
  }

  /** Entries that no consumer had yet, up to `count` of each topic; waits up to `blockMs` for the first. */
  async readNew(connection: Connection, count: number, blockMs: number): Promise<readonly Found[]> {
    return this.read(connection, ['COUNT', count, 'BLOCK', blockMs], this.topics, '>')
  }

  /** This consumer's own pending entries of a topic with ids above `after`; null: there are no more. */
  async readPending(connection: Connection, topic: number, after: string, count: number): Promise<Found | null> {
    const [found] = await this.read(connection, ['COUNT', count], [this.topics[topic]!], after)
    return found === undefined || found.entries.length + found.gone.length === 0 ? null : { ...found, topic }
  }

  /** Takes over entries of a topic, from `start` on, that lay with their consumer for `idleMs` without a sign. */
  async claim(connection: Connection, topic: number, idleMs: number, start: string, count: number): Promise<Claimed> {
    const args = [this.topics[topic]!, this.group, this.consumer, idleMs, start, 'COUNT', count]
    const [next, entries, gone] = await connection.once<[Buffer, RawEntry[], Buffer[] | undefined]>(
      'XAUTOCLAIM',
      ...args,
    )
    const found = foundOf(topic, entries)
    return {
      ...found,
      gone: [...found.gone, ...(gone ?? []).map(String)],
      next: String(next) === '0-0' ? null : String(next),
    }
  }

  /** Keeps others from claiming entries that this consumer still works on. */
  async keep(connection: Connection, topic: number, ids: readonly string[]): Promise<void> {
    await connection.script(KEEP, [this.topics[topic]!], [this.group, this.consumer, ...ids])
  }

  async acknowledge(connection: Connection, topic: number, ids: readonly string[]): Promise<void> {
    await connection.once('XACK', this.topics[topic]!, this.group, ...ids)
  }

  private async read(
    connection: Connection,
    options: readonly (string | number)[],
    topics: readonly string[],
    after: string,
  ): Promise<readonly Found[]> {
    const places = [...topics, ...topics.map(() => after)]
    const args = ['GROUP', this.group, this.consumer, ...options, 'STREAMS', ...places]
    const streams = await connection.once<RawStreams>('XREADGROUP', ...args)
    return (streams ?? []).map(([topic, entries]) => foundOf(this.topics.indexOf(String(topic)), entries))
  }
}

const foundOf = (topic: number, raw: readonly RawEntry[]): Found => {
  const entries: StreamEntry[] = []
  const gone: string[] = []
  for (const [id, fields] of raw)
    if (fields === null) gone.push(String(id))
    else entries.push({ id: String(id), fields })
  return { topic, entries, gone }
}

/**
 * Reads streams from `open` to `close`: one line to the server after another, each as long as it holds.
 *
 *     line:   create the group ─▶ own pending entries ─▶ claim ─▶ new entries, until something fails
 *             └ every third of claimIdleMs: keep what is under way, claim what others left
 *     entry:  read ─▶ held ─▶ under way ─▶ finished ─▶ acknowledged
 *             └──────────── unacknowledged ───────────┘
 */

import { toError } from '../../base/errors.ts'
import { OneByOne } from '../../base/one-by-one.ts'
import type { Cancel } from '../../base/ports.ts'
import { Connection, ConnectionLost } from './connection.ts'
import { type StreamEntry, StreamMessage } from './streams-entry.ts'
import { type Found, StreamGroup } from './streams-group.ts'
import type { StreamSettings } from './streams-settings.ts'

/** Reading blocks its connection, so everything else has one of its own. */
interface Line {
  readonly reader: Connection
  readonly commands: Connection
  /** Own entries are read: now those of others may be taken. */
  caughtUp: boolean
  timer: Cancel | null
  /** Why it is of no use any more. */
  failure: Error | null
}

const REST_MS_MIN = 10
const REST_MS_MAX = 1_000
/** Entry ids in one command. */
const IDS_MAX = 500

/** One consumer's reading. It never fails: what goes wrong with the server is logged and tried again. */
export class StreamReading {
  private readonly settings: StreamSettings
  private readonly wake: () => void
  private readonly group: StreamGroup
  /** Per topic, by entry id: read, and not yet known to be acknowledged; null once it is done. */
  private readonly unacknowledged: readonly Map<string, StreamMessage | null>[]
  private unacknowledgedCount = 0
  /** Entries that the read under way may still bring. */
  private awaited = 0
  /** Not yet asked for: `held[taken…]`. */
  private held: StreamMessage[] = []
  private taken = 0
  /** Done and not yet acknowledged, in the order in which they were done. */
  private finished: { readonly topic: number; readonly entryId: string }[] = []
  private acknowledging: Promise<void> | null = null
  private line: Line | null = null
  private closed = false
  /** Ends what the reading waits for: room, or the end of a rest. */
  private stir: (() => void) | null = null
  /** One command after another, so that an answer about pending entries is never older than an acknowledgement. */
  private readonly commandsInTurn = new OneByOne()
  private readonly ended: Promise<void>

  constructor(settings: StreamSettings, wake: () => void) {
    this.settings = settings
    this.wake = wake
    this.group = new StreamGroup(settings.topics, settings.group, settings.consumer)
    this.unacknowledged = settings.topics.map(() => new Map())
    this.ended = this.run()
  }

  next(): StreamMessage | null {
    const message = this.held[this.taken]
    if (message === undefined) return null
    if (++this.taken === this.held.length) {
      this.held = []
      this.taken = 0
    }
    return message
  }

  done(message: StreamMessage): void {
    // One that an earlier reading gave is pending still, and comes again.
    if (this.closed || this.unacknowledged[message.partition]!.get(message.entryId) !== message) return
    this.finish(message.partition, message.entryId)
  }

  /** Ends a read that waits, acknowledges what is done, and goes; what it had besides stays pending. */
  async close(): Promise<void> {
    this.closed = true
    this.line?.reader.close()
    this.stir?.()
    await this.ended
  }

  private async run(): Promise<void> {
    for (let failures = 0; !this.closed; ) {
      const line = this.connect()
      this.line = line
      try {
        await this.catchUp(line)
        if (failures > 0) this.log('info', 'reads again')
        failures = 0
        await this.readOn(line)
      } catch (error) {
        if (!this.closed) {
          line.failure ??= line.commands.unavailable(error)
          line.commands.close()
          if (failures++ === 0) this.log('warn', 'cannot be read; tries again', line.failure)
        }
      }
      line.timer?.()
      // On `close` it goes on until all that is done is acknowledged; on a line that failed it fails as well.
      await this.acknowledging
      this.line = null
      line.reader.close()
      line.commands.close()
      if (!this.closed) await this.pause(Math.min(REST_MS_MAX, REST_MS_MIN * 2 ** Math.min(10, failures)))
    }
  }

  private connect(): Line {
    const { url, name, client, clock, blockMs, unavailableAfterMs } = this.settings
    return {
      reader: new Connection(url, name, client, clock, blockMs + unavailableAfterMs),
      commands: new Connection(url, name, client, clock, unavailableAfterMs),
      caughtUp: false,
      timer: null,
      failure: null,
    }
  }

  /** An answer with entries may have been lost with the line before: they are this consumer's all the same. */
  private async catchUp(line: Line): Promise<void> {
    await this.group.create(line.commands)
    this.acknowledgeSoon()
    await this.tend(line)
    for (let topic = 0; topic < this.settings.topics.length; topic++) {
      for (let after: string | null = '0'; after !== null; ) {
        const room = await this.room(line, 1)
        after = await this.commandsInTurn.run(async () => {
          const found = await this.group.readPending(line.commands, topic, after!, Math.min(room, IDS_MAX))
          if (found === null) return null
          this.admit([found])
          return lastOf(found)
        })
      }
    }
    line.caughtUp = true
    await this.claim(line)
  }

  private async readOn(line: Line): Promise<void> {
    const { topics, blockMs } = this.settings
    for (;;) {
      const room = await this.room(line, topics.length)
      // Half of the room is left for entries that are taken over meanwhile. COUNT is per topic.
      const count = Math.max(1, Math.min(IDS_MAX, Math.floor(room / 2 / topics.length)))
      this.awaited = count * topics.length
      try {
        const found = await this.group.readNew(line.reader, count, blockMs)
        this.awaited = 0
        this.admit(found)
      } finally {
        this.awaited = 0
      }
    }
  }

  /** Says now and from now on that this consumer lives. */
  private async tend(line: Line): Promise<void> {
    await this.keep(line)
    if (line.caughtUp) await this.claim(line)
    if (this.closed || line.failure !== null || this.line !== line) return
    line.timer = this.settings.clock.after(this.settings.claimIdleMs / 3, () => {
      this.tend(line).catch(error => this.drop(line, toError(error)))
    })
  }

  private async keep(line: Line): Promise<void> {
    for (const [topic, messages] of this.unacknowledged.entries()) {
      const ids = [...messages.keys()]
      for (let i = 0; i < ids.length; i += IDS_MAX)
        await this.commandsInTurn.run(() => this.group.keep(line.commands, topic, ids.slice(i, i + IDS_MAX)))
    }
  }

  private async claim(line: Line): Promise<void> {
    for (let topic = 0; topic < this.settings.topics.length; topic++) {
      for (let start: string | null = '0-0'; start !== null && !this.closed && this.free > 0; ) {
        start = await this.commandsInTurn.run(async () => {
          const count = Math.max(1, Math.min(this.free, IDS_MAX))
          const claimed = await this.group.claim(line.commands, topic, this.settings.claimIdleMs, start!, count)
          this.admit([claimed])
          return claimed.next
        })
      }
    }
  }

  // ── entries ──────────────────────────────────────────────────────────────────────────────────────────────────────

  private get free(): number {
    return this.settings.maxUnacknowledged - this.unacknowledgedCount - this.awaited
  }

  /** Waits until `atLeast` more may be read, and gives the number that may. **Errors**: the line's; ConnectionLost on `close`. */
  private async room(line: Line, atLeast: number): Promise<number> {
    for (;;) {
      if (line.failure !== null) throw line.failure
      if (this.closed) throw new ConnectionLost('closed')
      if (this.free >= atLeast) return this.free
      await this.pause(null)
    }
  }

  private admit(found: readonly Found[]): void {
    const nothingHeld = this.held.length === 0
    for (const { topic, entries, gone } of found) {
      for (const entry of entries) this.hold(topic, entry)
      for (const entryId of gone) this.giveUp(topic, entryId)
    }
    if (nothingHeld && this.held.length > 0) this.wake()
  }

  private hold(topic: number, entry: StreamEntry): void {
    if (this.unacknowledged[topic]!.has(entry.id)) return
    const message = new StreamMessage(topic, this.settings.topics[topic]!, entry)
    this.unacknowledged[topic]!.set(entry.id, message)
    this.unacknowledgedCount++
    this.held.push(message)
  }

  private giveUp(topic: number, entryId: string): void {
    if (this.unacknowledged[topic]!.has(entryId)) return
    this.log('warn', `entry ${entryId} of ${this.settings.topics[topic]} was deleted before it was read`)
    this.unacknowledgedCount++
    this.finish(topic, entryId)
  }

  // ── acknowledgement ──────────────────────────────────────────────────────────────────────────────────────────────

  private finish(topic: number, entryId: string): void {
    this.unacknowledged[topic]!.set(entryId, null)
    this.finished.push({ topic, entryId })
    this.acknowledgeSoon()
  }

  /** What is done in the same turn, and while one acknowledgement is under way, goes in one. */
  private acknowledgeSoon(): void {
    const { line } = this
    if (this.acknowledging !== null || line === null || line.failure !== null || this.finished.length === 0) return
    this.acknowledging = Promise.resolve()
      .then(() => this.acknowledge(line))
      .then(
        () => {
          this.acknowledging = null
        },
        error => {
          this.acknowledging = null
          this.drop(line, toError(error))
        },
      )
  }

  /**
   * In the order in which they were done, each batch after the one before: what was done after an entry that is not
   * acknowledged is not acknowledged either, so it is less than `maxUnacknowledged`, and receivers still know the entry
   * when it comes again.
   */
  private async acknowledge(line: Line): Promise<void> {
    while (this.finished.length > 0) {
      const batch = this.finished.slice(0, IDS_MAX)
      for (let topic = 0; topic < this.settings.topics.length; topic++) {
        const ids = batch.filter(done => done.topic === topic).map(({ entryId }) => entryId)
        if (ids.length > 0) await this.commandsInTurn.run(() => this.group.acknowledge(line.commands, topic, ids))
      }
      this.finished = this.finished.slice(batch.length)
      for (const { topic, entryId } of batch) this.unacknowledged[topic]!.delete(entryId)
      this.unacknowledgedCount -= batch.length
      this.stir?.()
    }
  }

  // ── waiting and failing ──────────────────────────────────────────────────────────────────────────────────────────

  /** Its reading ends with that error, wherever it is, and the next line begins. */
  private drop(line: Line, error: Error): void {
    line.failure ??= line.commands.unavailable(error)
    line.reader.close()
    this.stir?.()
  }

  /** Until `stir`, or for so long. */
  private pause(ms: number | null): Promise<void> {
    return new Promise(resolve => {
      const cancel = ms === null ? null : this.settings.clock.after(ms, () => this.stir?.())
      this.stir = () => {
        this.stir = null
        cancel?.()
        resolve()
      }
    })
  }

  private log(level: 'debug' | 'info' | 'warn', text: string, error?: Error): void {
    const { logger, name, group, consumer } = this.settings
    logger.log(level, `${name}: ${consumer} of ${group}: ${text}`, error === undefined ? undefined : { error })
  }
}

const lastOf = ({ entries, gone }: Found): string => {
  const last = entries.at(-1)?.id
  const lastGone = gone.at(-1)
  if (last === undefined) return lastGone!
  return lastGone === undefined || isAfter(last, lastGone) ? last : lastGone
}

/** Entry ids are two 64-bit numbers, which a number cannot hold. */
const isAfter = (a: string, b: string): boolean => {
  const [aMs = '0', aSeq = '0'] = a.split('-')
  const [bMs = '0', bSeq = '0'] = b.split('-')
  return aMs === bMs ? BigInt(aSeq) > BigInt(bSeq) : BigInt(aMs) > BigInt(bMs)
}

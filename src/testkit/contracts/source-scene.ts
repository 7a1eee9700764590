import { deepStrictEqual, strictEqual } from 'node:assert/strict'
import { systemClock } from '../../base/ports.ts'
import type { MessageSource, SourceMessage } from '../../messaging/message-source.ts'
import type { ContractCase } from './contract-case.ts'

/** A bus of the adapter that is tested, with nothing on it yet. */
export interface SourceTestBus {
  /** Puts a message on it, which `labelOf` knows again; all in one partition, in order. */
  publish(label: string): Promise<void>
  /** A source of that group, not opened: the same consumer as the one before it, as after a restart. */
  source(group: string): MessageSource
  labelOf(message: SourceMessage): string
  /** Lets happen what needs a while. Default: waits 5 ms. */
  pause?(): Promise<void>
  remove(): Promise<void>
}

/** How often a case pauses for what must come. */
const PATIENCE = 2_000

/** What one case made, to be closed and removed after it. */
export class SourceScene {
  readonly bus: SourceTestBus
  private readonly quietPauses: number
  private readonly readers: SourceReader[] = []

  constructor(bus: SourceTestBus, quietPauses: number) {
    this.bus = bus
    this.quietPauses = quietPauses
  }

  async publish(...labels: readonly string[]): Promise<void> {
    for (const label of labels) await this.bus.publish(label)
  }

  async open(group: string): Promise<SourceReader> {
    const reader = new SourceReader(this.bus, group)
    this.readers.push(reader)
    await reader.open()
    return reader
  }

  /** Until the reader has so many, and then a while for more. */
  async has(reader: SourceReader, ...labels: readonly string[]): Promise<void> {
    await this.until(reader, () => reader.taken.length >= labels.length)
    await this.quiet(reader)
    deepStrictEqual(reader.labels, labels)
  }

  /** The first message is that one; what else comes is the source's affair. */
  async hasFirst(reader: SourceReader, label: string): Promise<void> {
    await this.until(reader, () => reader.taken.length > 0)
    await this.quiet(reader)
    strictEqual(reader.labels[0], label)
  }

  /** Takes what comes until `isEnough`, or until it must have come. */
  async until(reader: SourceReader, isEnough: () => boolean): Promise<void> {
    reader.take()
    for (let left = PATIENCE; left > 0 && !isEnough(); left--) await this.step(reader)
  }

  /** A while in which more would come, if there were more. */
  async quiet(reader: SourceReader): Promise<void> {
    for (let left = this.quietPauses; left > 0; left--) await this.step(reader)
  }

  async end(): Promise<void> {
    for (const reader of this.readers) await reader.source.close()
    await this.bus.remove()
  }

  private async step(reader: SourceReader): Promise<void> {
    await (this.bus.pause?.() ?? new Promise<void>(resolve => systemClock.after(5, resolve)))
    reader.take()
  }
}

/** Takes what a source has, but only when it was woken: one that forgets to wake is found so. */
export class SourceReader {
  readonly source: MessageSource
  readonly taken: SourceMessage[] = []
  /** Messages that the source counted as given before `next` gave them. */
  readonly claimedEarly = new Set<SourceMessage>()
  private readonly bus: SourceTestBus
  private awake = true

  constructor(bus: SourceTestBus, group: string) {
    this.bus = bus
    this.source = bus.source(group)
  }

  get labels(): readonly string[] {
    return this.taken.map(message => this.bus.labelOf(message))
  }

  async open(): Promise<void> {
    await this.source.open(
      () => {
        this.awake = true
      },
      error => {
        throw error
      },
    )
    this.awake = true
  }

  take(): void {
    while (this.awake) {
      const givenTo = this.givenTo
      const message = this.source.next()
      if (message === null) this.awake = false
      else {
        this.taken.push(message)
        if (givenTo !== null && message.position !== null && givenTo >= message.position) this.claimedEarly.add(message)
      }
    }
  }

  done(...labels: readonly string[]): void {
    for (const message of this.taken) if (labels.includes(this.bus.labelOf(message))) this.source.done(message)
  }

  /** What the source says of the partition that all is in; null: it has no such thing, or nothing was taken yet. */
  get givenTo(): number | null {
    const [first] = this.taken
    return first === undefined ? null : (this.source.givenTo?.(first.partition) ?? null)
  }
}

/** Everything that a message says, however its source has made it. */
export const said = (message: SourceMessage): Required<SourceMessage> => {
  const { partition, position, type, payload, id, correlationId } = message
  const { principal = null, traceParent = null, invalid = null } = message
  return { partition, position, type, payload, id, correlationId, principal, traceParent, invalid }
}

export type SourceTest = (scene: SourceScene) => Promise<void>

/** Makes a case of a test that is given a scene as often as it begins one; each is ended before the next. */
export const sourceCase = (
  name: string,
  begin: () => Promise<SourceScene>,
  tests: readonly SourceTest[],
): ContractCase => ({
  name,
  run: async () => {
    for (const test of tests) {
      const scene = await begin()
      try {
        await test(scene)
      } finally {
        await scene.end()
      }
    }
    return 'passed'
  },
})

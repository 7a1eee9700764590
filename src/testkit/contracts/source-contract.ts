import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict'
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

export interface SourceContractOptions {
  /** How often a case pauses before it concludes that nothing more comes. Default: 20. */
  readonly quietPauses?: number
}

/**
 * The contract of a message source, as cases for an adapter of your own. `makeBus` gives a fresh one each time; every case
 * closes and removes what it made.
 */
export const sourceContract = (
  makeBus: () => Promise<SourceTestBus>,
  { quietPauses = 20 }: SourceContractOptions = {},
): readonly ContractCase[] =>
  Object.entries(CASES).map(([name, test]) => ({
    name,
    run: async () => {
      const scene = new SourceScene(await makeBus(), quietPauses)
      try {
        await test(scene)
        return 'passed'
      } finally {
        await scene.end()
      }
    },
  }))

/** How often a case pauses for what must come. */
const PATIENCE = 2_000

class SourceScene {
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
    for (let left = PATIENCE; left > 0 && reader.taken.length < labels.length; left--) await this.step(reader)
    for (let left = this.quietPauses; left > 0; left--) await this.step(reader)
    deepStrictEqual(reader.labels, labels)
  }

  /** The first message is that one; what else comes is the source's affair. */
  async hasFirst(reader: SourceReader, label: string): Promise<void> {
    for (let left = PATIENCE; left > 0 && reader.taken.length === 0; left--) await this.step(reader)
    for (let left = this.quietPauses; left > 0; left--) await this.step(reader)
    strictEqual(reader.labels[0], label)
  }

  async end(): Promise<void> {
    for (const reader of this.readers) await reader.source.close()
    await this.bus.remove()
  }

  private async step(reader: SourceReader): Promise<void> {
    reader.take()
    await (this.bus.pause?.() ?? new Promise<void>(resolve => systemClock.after(5, resolve)))
  }
}

/** Takes what a source has, but only when it was woken: one that forgets to wake is found so. */
class SourceReader {
  readonly source: MessageSource
  readonly taken: SourceMessage[] = []
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
      const message = this.source.next()
      if (message === null) this.awake = false
      else this.taken.push(message)
    }
  }

  done(...labels: readonly string[]): void {
    for (const message of this.taken) if (labels.includes(this.bus.labelOf(message))) this.source.done(message)
  }
}

const CASES: Readonly<Record<string, (scene: SourceScene) => Promise<void>>> = {
  'gives what is there already and what comes, in order, and wakes its reader': async scene => {
    await scene.publish('a', 'b')
    const reader = await scene.open('g')
    await scene.has(reader, 'a', 'b')
    await scene.publish('c')
    await scene.publish('d')
    await scene.has(reader, 'a', 'b', 'c', 'd')
  },

  'gives places that grow, or null for all, and ids that differ': async scene => {
    await scene.publish('a', 'b', 'c')
    const reader = await scene.open('g')
    await scene.has(reader, 'a', 'b', 'c')
    const { taken } = reader
    strictEqual(new Set(taken.map(message => message.id)).size, 3)
    const places = taken.map(message => message.position)
    if (places[0] === null) deepStrictEqual(places, [null, null, null])
    else for (let i = 1; i < 3; i++) ok((places[i] as number) > (places[i - 1] as number), `places ${places}`)
  },

  'has nothing at the moment where nothing is there': async scene => {
    const reader = await scene.open('g')
    strictEqual(reader.source.next(), null)
    await scene.has(reader)
  },

  'gives again after a restart what was not done, as the same messages, and not what was': async scene => {
    await scene.publish('a', 'b', 'c', 'd')
    const reader = await scene.open('g')
    await scene.has(reader, 'a', 'b', 'c', 'd')
    reader.done('a', 'b')
    await reader.source.close()
    const again = await scene.open('g')
    await scene.has(again, 'c', 'd')
    deepStrictEqual(
      again.taken.map(({ id, position }) => ({ id, position })),
      reader.taken.slice(2).map(({ id, position }) => ({ id, position })),
    )
  },

  'takes `done` in any order: what follows one that is not done may come again, and nothing is left out':
    async scene => {
      await scene.publish('a', 'b', 'c')
      const reader = await scene.open('g')
      await scene.has(reader, 'a', 'b', 'c')
      reader.done('c')
      reader.done('b')
      await reader.source.close()
      const again = await scene.open('g')
      await scene.hasFirst(again, 'a')
      again.done('a', 'b', 'c')
      await again.source.close()
      await scene.publish('d')
      await scene.has(await scene.open('g'), 'd')
    },

  'begins anew with what is not done when it is opened again without a close': async scene => {
    await scene.publish('a', 'b')
    const reader = await scene.open('g')
    await scene.has(reader, 'a', 'b')
    reader.done('a')
    await reader.open()
    await scene.has(reader, 'a', 'b', 'b')
  },

  'reads again what it gave, where it offers to, and knows up to where it has given': async scene => {
    await scene.publish('a', 'b', 'c')
    const reader = await scene.open('g')
    await scene.has(reader, 'a', 'b', 'c')
    const { source, taken } = reader
    const places = taken.map(({ position }) => position as number)
    if (source.givenTo !== undefined) ok(source.givenTo(taken[0]?.partition ?? 0) >= (places[2] as number))
    if (source.again === undefined) return
    const again = await source.again(taken[0]?.partition ?? 0, [places[0] as number, places[2] as number])
    deepStrictEqual(
      again.map(({ id, position, type, payload }) => ({ id, position, type, payload })),
      [taken[0], taken[2]].map(message => {
        const { id, position, type, payload } = message as SourceMessage
        return { id, position, type, payload }
      }),
    )
  },

  'keeps the groups apart': async scene => {
    await scene.publish('a', 'b')
    const one = await scene.open('one')
    await scene.has(one, 'a', 'b')
    one.done('a', 'b')
    await one.source.close()
    const two = await scene.open('two')
    await scene.has(two, 'a', 'b')
    const oneAgain = await scene.open('one')
    await scene.has(oneAgain)
  },

  'gives nothing after it was closed, and may be closed again': async scene => {
    await scene.publish('a')
    const reader = await scene.open('g')
    await scene.has(reader, 'a')
    await reader.source.close()
    await scene.publish('b')
    await reader.source.close()
    strictEqual(reader.source.next(), null)
  },
}

import type { MessageSource, SourceMessage } from '../../messaging/message-source.ts'
import { Faults } from '../faults/faults.ts'
import { FaultySource, type SourceOperation } from '../faults/faulty-source.ts'
import { plainCopy } from './plain-copy.ts'
import type { SimulatedHost } from './simulated-host.ts'
import { SimulatedLink } from './simulated-link.ts'
import type { SimulatedWorld } from './simulated-world.ts'
import { streamOf } from './streams.ts'

/**
 * A topic on the network of a simulated world: one partition, with what each group has done. It survives all processes.
 *
 * **Delivery**: at least once. Two readers of one group both get what is not done. **Order**: by position, from 1.
 */
export class SimulatedTopic {
  readonly name: string
  /** Of all its readers. */
  readonly faults: Faults<SourceOperation>
  private readonly world: SimulatedWorld
  private readonly messages: SourceMessage[] = []
  private readonly groups = new Map<string, Group>()

  constructor(world: SimulatedWorld, name: string) {
    this.world = world
    this.name = name
    this.faults = new Faults({ random: streamOf(world.seed, `topic ${name}`) })
  }

  /** Puts a message on it at once. */
  publish(type: string, payload: unknown, id = `${this.name}-${this.messages.length + 1}`): void {
    const position = this.messages.length + 1
    const message = { partition: 0, position, type, payload: plainCopy(payload), id, correlationId: id }
    this.messages.push(message)
    for (const { readers } of this.groups.values()) for (const reader of readers) reader.published(message)
  }

  /** A reader of a group, for a bridge that runs on that host. */
  source(host: SimulatedHost, group: string): MessageSource {
    const link = new SimulatedLink(this.world, host)
    return new FaultySource(new TopicReader(this, link, group), this.faults.plan, host.ports.clock)
  }

  /** Position of its last message; 0: there is none. */
  get end(): number {
    return this.messages.length
  }

  /** What a group has not done. */
  left(group: string): readonly SourceMessage[] {
    const { done } = this.group(group)
    return this.messages.filter(({ position }) => !done.has(position as number))
  }

  /** Those at some positions, in their order. */
  at(positions: readonly number[]): readonly SourceMessage[] {
    return positions.map(position => this.messages[position - 1] as SourceMessage)
  }

  group(name: string): Group {
    let group = this.groups.get(name)
    if (group === undefined) {
      group = { done: new Set(), readers: new Set() }
      this.groups.set(name, group)
    }
    return group
  }
}

interface Group {
  readonly done: Set<number>
  readonly readers: Set<TopicReader>
}

class TopicReader implements MessageSource {
  readonly group: string
  private readonly topic: SimulatedTopic
  private readonly link: SimulatedLink
  private held: SourceMessage[] = []
  /** Up to where it was given everything that is not done, or knows that it is. */
  private reachedTo = 0
  private wake: () => void = () => undefined
  /** 0: closed. Each opening has its number: what was sent to an earlier one is not for this one. */
  private opening = 0
  private openings = 0

  constructor(topic: SimulatedTopic, link: SimulatedLink, group: string) {
    this.topic = topic
    this.link = link
    this.group = group
    link.host.onEnd(() => this.leave())
  }

  open(wake: () => void): Promise<void> {
    const opening = ++this.openings
    this.opening = opening
    this.wake = wake
    this.held = []
    this.reachedTo = 0
    return new Promise(resolve => {
      this.link.send(`${this.link.host.id} opens ${this.topic.name}`, () => {
        const [left, end] = [this.topic.left(this.group), this.topic.end]
        this.topic.group(this.group).readers.add(this)
        this.link.answer(`${this.link.host.id} opened ${this.topic.name}`, () => {
          resolve()
          if (this.opening !== opening) return
          // What was published since the answer was sent is behind it on the link.
          this.held = [...left]
          this.reachedTo = end
          if (left.length > 0) this.wake()
        })
      })
    })
  }

  next(): SourceMessage | null {
    return this.opening === 0 ? null : (this.held.shift() ?? null)
  }

  again(_partition: number, positions: readonly number[]): Promise<readonly SourceMessage[]> {
    return new Promise(resolve => {
      this.link.send(`${this.link.host.id} reads ${positions} of ${this.topic.name} again`, () => {
        const messages = this.topic.at(positions)
        this.link.answer(`${this.link.host.id} read ${positions} of ${this.topic.name} again`, () => resolve(messages))
      })
    })
  }

  givenTo(): number {
    const next = this.held[0]
    return next === undefined ? this.reachedTo : (next.position as number) - 1
  }

  done({ position }: SourceMessage): void {
    this.link.send(`${this.link.host.id} done ${position} of ${this.topic.name}`, () => {
      this.topic.group(this.group).done.add(position as number)
    })
  }

  close(): Promise<void> {
    this.opening = 0
    this.held = []
    return new Promise(resolve => {
      this.link.send(`${this.link.host.id} leaves ${this.topic.name}`, () => {
        this.leave()
        this.link.answer(`${this.link.host.id} left ${this.topic.name}`, resolve)
      })
    })
  }

  /** For the topic: a message was put on it. */
  published(message: SourceMessage): void {
    const { opening } = this
    this.link.answer(`${this.link.host.id} gets ${message.id}`, () => {
      if (this.opening !== opening || opening === 0) return
      this.held.push(message)
      this.reachedTo = message.position as number
      this.wake()
    })
  }

  private leave(): void {
    this.topic.group(this.group).readers.delete(this)
  }
}

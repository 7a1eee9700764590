import type { ActorRef } from '../../src/kernel/types.ts'
import { logSource } from '../../src/messaging/log-source.ts'
import { type MessageBridge, type MessageBridgeDefinition, messageBridge } from '../../src/messaging/message-bridge.ts'
import type { SourceMessage } from '../../src/messaging/message-source.ts'
import { routeTo } from '../../src/messaging/route.ts'
import { type MemoryStore, memoryStore } from '../../src/persistence/memory-journal.ts'
import { settle } from '../kernel/support.ts'
import { type Command, type Hosted, Scene } from '../persistence/support.ts'
import { Writer } from './support.ts'

/** A message's label is `key receiver text`: `A x 1` is of key A, for the ledger x. */
export const partsOf = (message: SourceMessage): { key: string; id: string; label: string } => {
  const { label } = message.payload as { label: string }
  const [key, id] = label.slice(2).split(' ')
  return { key: key!, id: id!, label: label.slice(2) }
}

export interface Wishes extends Partial<MessageBridgeDefinition> {
  /** In place of the ordinary command for a label. */
  readonly commandFor?: (label: string) => unknown
}

/** A scene with a ledger kind, a bridge to it, and a writer of messages. */
export class Office {
  readonly scene: Scene
  readonly writer: Writer
  hosted: Hosted
  readonly bridge: MessageBridge
  ref: ActorRef<never>
  /** Of what the bridge translated, in order. */
  readonly translated: string[] = []

  private constructor(scene: Scene, { commandFor, ...wishes }: Wishes) {
    this.scene = scene
    this.writer = new Writer(scene.store)
    this.hosted = scene.host({ backoff: { minMs: 1, maxMs: 1 } })
    this.bridge = messageBridge({
      name: 'office',
      source: logSource(scene.store, 'office', { events: ['M'] }),
      store: scene.store,
      attempts: 3,
      backoff: { minMs: 10, maxMs: 10 },
      translate: message => {
        const { key, id, label } = partsOf(message)
        this.translated.push(label)
        const command: Command = { type: 'add', label }
        return routeTo(this.hosted.kind, id, (commandFor?.(label) as Command | undefined) ?? command, key)
      },
      ...wishes,
    })
    this.ref = scene.spawn(this.bridge.behavior)
  }

  static async open(wishes: Wishes = {}, memory: MemoryStore = memoryStore()): Promise<Office> {
    const office = new Office(await Scene.open(memory), wishes)
    await settle()
    return office
  }

  write(...labels: string[]): void {
    for (const label of labels) this.writer.events(`source|${label}`.slice(0, 100), `M:${label}`)
  }

  /** What its ledger has of it, over the whole log. */
  stored(id: string): string[] {
    return this.scene.log
      .filter(({ persistenceId }) => persistenceId === `ledger|${id}`)
      .flatMap(({ records }) => records.map(record => (record.payload as { label: string }).label))
  }

  get cursor(): number {
    return this.scene.store.cursor(0, 'office')
  }

  restart(): void {
    this.ref = this.scene.spawn(this.bridge.behavior)
  }

  pass(ms: number): Promise<void> {
    return this.scene.pass(ms)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.scene[Symbol.asyncDispose]()
  }
}

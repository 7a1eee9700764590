import { systemExecutor, systemRandom } from '../../src/base/ports.ts'
import type { ActorRef } from '../../src/kernel/types.ts'
import type { Delivery } from '../../src/persistence/command.ts'
import { type Decision, eventSourced, type SnapshotPolicy, to } from '../../src/persistence/event-sourced.ts'
import {
  type EntityKind,
  type EventSourcedEntitiesOptions,
  entities,
} from '../../src/persistence/event-sourced-entities.ts'
import { EventStore } from '../../src/persistence/event-store.ts'
import type { StoredAppend } from '../../src/persistence/journal.ts'
import { type MemoryStore, memoryJournal, memoryStore } from '../../src/persistence/memory-journal.ts'
import { FaultyJournal } from '../../src/testkit/faults/faulty-journal.ts'
import { settle, VirtualStage } from '../kernel/support.ts'

export type Command =
  | { readonly type: 'add'; readonly label: string; readonly times?: number }
  | { readonly type: 'read' }
  | { readonly type: 'send'; readonly address: string; readonly label: string }
  /** Decides nothing and answers nothing. */
  | { readonly type: 'silent' }
  | { readonly type: 'throw' }
  | { readonly type: 'evolve-throws' }
  /** Decides an event that cannot be stored. */
  | { readonly type: 'unstorable' }

export type Event = { readonly type: 'Added'; readonly label: string } | { readonly type: 'Poisoned' }

export type Labels = readonly string[]

/** Keeps the labels that it was given, in order: what was handled, and how often, can be read from it. */
export const ledger = (snapshot?: SnapshotPolicy) =>
  eventSourced<Command, Event, Labels, Labels>({
    name: 'ledger',
    initial: () => [],
    decide: (labels, command): Decision<Event, Labels> => {
      switch (command.type) {
        case 'add': {
          const events = Array.from({ length: command.times ?? 1 }, () => ({
            type: 'Added' as const,
            label: command.label,
          }))
          return { events, reply: [...labels, ...events.map(event => event.label)] }
        }
        case 'send':
          return {
            events: [{ type: 'Added', label: command.label }],
            send: [to(command.address, { label: command.label })],
          }
        case 'read':
          return { reply: labels }
        case 'silent':
          return {}
        case 'throw':
          throw new Error('decide failed')
        case 'evolve-throws':
          return { events: [{ type: 'Poisoned' }] }
        case 'unstorable':
          return { events: [{ type: 'Added', label: (() => 'a function') as unknown as string }] }
      }
    },
    evolve: (labels, event) => {
      if (event.type === 'Poisoned') throw new Error('evolve failed')
      return [...labels, event.label]
    },
    ...(snapshot === undefined ? {} : { snapshot }),
  })

/** A message of a log in the hands of an entity, with what became of it. */
export class Handed implements Delivery {
  readonly source: string
  readonly partition: number
  readonly position: number
  readonly id: string
  readonly outstanding: readonly number[]
  readonly causationId = null
  readonly correlationId = null
  readonly outcomes: ('done' | { readonly error: Error; readonly culprit: boolean })[] = []

  constructor(position: number, outstanding: readonly number[] = [], source = 'bridge', partition = 0) {
    this.position = position
    this.id = `message-${position}`
    this.outstanding = outstanding
    this.source = source
    this.partition = partition
  }

  done(): void {
    this.outcomes.push('done')
  }
  failed(error: Error, culprit: boolean): void {
    this.outcomes.push({ error, culprit })
  }
}

export const handled = (position: number, outstanding: readonly number[] = []) => ({
  source: 'bridge',
  partition: 0,
  position,
  outstanding,
})

/** A store on a memory journal whose operations can be made to fail or wait, on a clock that moves when told. */
export class Scene extends VirtualStage {
  readonly memory: MemoryStore
  readonly journal: FaultyJournal
  store!: EventStore

  private constructor(memory: MemoryStore) {
    super()
    this.memory = memory
    this.journal = new FaultyJournal(memoryJournal({ store: memory }))
  }

  static async open(memory: MemoryStore = memoryStore()): Promise<Scene> {
    const scene = new Scene(memory)
    const { clock, logger } = scene
    scene.store = await EventStore.open(scene.journal, {
      clock,
      logger,
      random: systemRandom,
      executor: systemExecutor,
    })
    return scene
  }

  host(options: EventSourcedEntitiesOptions & { snapshot?: SnapshotPolicy } = {}): Hosted {
    const { snapshot, ...others } = options
    const kind = entities(ledger(snapshot), this.store, others)
    return { kind, ref: this.spawn(kind.behavior) }
  }

  /** Lets things happen, and `ms` pass. */
  async pass(ms: number): Promise<void> {
    await settle()
    for (let passed = 0; passed < ms; passed += 5) {
      this.clock.advance(5)
      await settle()
    }
  }

  get log(): readonly StoredAppend[] {
    return this.memory.partitions.flatMap(partition => partition.log)
  }

  /** Of all events, in the order of the log. */
  get labels(): readonly string[] {
    return this.log.flatMap(({ records }) =>
      records.filter(record => record.kind === 'event').map(record => (record.payload as { label: string }).label),
    )
  }

  warnings(): readonly string[] {
    return this.logger.lines.filter(line => line.level === 'warn').map(line => line.text)
  }
}

export interface Hosted {
  readonly kind: EntityKind<Command, Labels>
  readonly ref: ActorRef<never>
}

/** Fails the next `times` of an operation. */
export const failNext = (
  journal: FaultyJournal,
  operation: Parameters<FaultyJournal['plan']>[0],
  fail: 'before' | 'after',
  times = 1,
): void => {
  let left = times
  journal.plan = asked => (asked === operation && left-- > 0 ? { fail } : null)
}

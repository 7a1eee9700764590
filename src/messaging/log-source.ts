import { RuntimeError } from '../base/errors.ts'
import { checkKeys, definitionInvalid } from '../persistence/event-sourced.ts'
import type { EventStore } from '../persistence/event-store.ts'
import type { LogMessage } from './log/log-message.ts'
import { PartitionReader } from './log/partition-reader.ts'
import type { MessageSource, SourceMessage } from './message-source.ts'

export interface LogFilter<Type extends string = string, Address extends string = string> {
  /** Types of events to take. */
  readonly events?: readonly Type[]
  /** Addresses whose commands to take. */
  readonly commands?: readonly Address[]
}

export interface LogSourceOptions {
  /** Messages held in memory per partition, beyond which a reader counts as behind and reads the journal. Default: 8,192. */
  readonly heldMax?: number
  /** Appends read at once by a reader that is behind. Default: 1,024. */
  readonly page?: number
}

/** Each event of a union as a message: `type` tells which, and so what the payload is. */
export type EventMessage<Event> = Event extends { readonly type: infer Type extends string }
  ? SourceMessage<Type, Event>
  : never

/** The same of commands, from a type that names the command of each address: `{ risk: AssessRisk }`. */
export type CommandMessage<Commands> = {
  [Address in keyof Commands & string]: SourceMessage<Address, Commands[Address]>
}[keyof Commands & string]

/**
 * Reads the store's own log as a bus: what is durable is on it already.
 *
 *     logSource<RiskAssessed | RiskRefused>(store, 'premium', { events: ['RiskAssessed', 'RiskRefused'] })
 *     logSource<never, { risk: AssessRisk }>(store, 'risk', { commands: ['risk'] })
 *
 * A reader that keeps up is handed each commit as it becomes durable, decoded as its writer had it; one that falls
 * behind, or begins, reads the journal until it has caught up. **Bounds**: in memory per partition, `heldMax` messages and
 * those of one `page`; of what is given and not done its position. The cursor is at most 1,024 records behind where
 * nothing is under way, and not at all once the source was closed. **Errors**: DEFINITION_INVALID, thrown, for a filter that
 * takes nothing.
 */
export function logSource(
  store: EventStore,
  group: string,
  filter: LogFilter,
  options?: LogSourceOptions,
): MessageSource
export function logSource<Event extends { readonly type: string }, Commands = Record<never, never>>(
  store: EventStore,
  group: string,
  filter: LogFilter<Event['type'], keyof Commands & string>,
  options?: LogSourceOptions,
): MessageSource<EventMessage<Event> | CommandMessage<Commands>>
export function logSource(
  store: EventStore,
  group: string,
  filter: LogFilter,
  { heldMax = 8_192, page = 1_024 }: LogSourceOptions = {},
): MessageSource {
  checkKeys(`log source ${group}: the filter`, filter, ['events', 'commands'])
  if (!filter.events?.length && !filter.commands?.length)
    throw definitionInvalid(
      `log source ${group}: the filter takes nothing: name types of \`events\`, or addresses of \`commands\``,
    )
  return new LogSource(store, group, filter, heldMax, page)
}

class LogSource implements MessageSource {
  readonly group: string
  private readers: PartitionReader[] = []
  private readonly store: EventStore
  private readonly filter: LogFilter
  private readonly heldMax: number
  private readonly page: number
  private turn = 0

  constructor(store: EventStore, group: string, filter: LogFilter, heldMax: number, page: number) {
    this.store = store
    this.group = group
    this.filter = filter
    this.heldMax = heldMax
    this.page = page
  }

  async open(wake: () => void, fail: (error: Error) => void): Promise<void> {
    await this.close()
    const { store, group, heldMax, page } = this
    const events = new Set(this.filter.events ?? [])
    const commands = new Set(this.filter.commands ?? [])
    const reading = { group, events, commands, heldMax, page, wake, fail }
    for (let partition = 0; partition < store.journal.partitions; partition++)
      this.readers.push(new PartitionReader(store, partition, reading))
  }

  next(): SourceMessage | null {
    const { readers } = this
    for (let looked = 0; looked < readers.length; looked++) {
      const message = readers[this.turn]!.next()
      if (message !== null) return message
      this.turn = this.turn + 1 === readers.length ? 0 : this.turn + 1
    }
    return null
  }

  done(message: SourceMessage): void {
    // By the reader that gave it: the source may have been opened anew since.
    const given = message as LogMessage
    given.reader.done(given)
  }

  async again(partition: number, positions: readonly number[]): Promise<readonly SourceMessage[]> {
    const reader = this.readers[partition]
    if (reader === undefined)
      throw new RuntimeError('BRIDGE_STOPPED', `${this.group} does not read partition ${partition} now`, {
        retryable: true,
      })
    return reader.again(positions)
  }

  givenTo(partition: number): number {
    return this.readers[partition]?.givenTo ?? 0
  }

  async close(): Promise<void> {
    for (const reader of this.readers) reader.close()
    this.readers = []
    this.turn = 0
  }
}

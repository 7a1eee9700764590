import { recordId, type StoredAppend } from '../../persistence/journal.ts'
import type { SourceMessage } from '../message-source.ts'

/** Whom to tell that a message of the log is dealt with. */
export interface LogReader {
  done(message: LogMessage): void
}

/** A record of the log as a bridge gets it: it refers to the append and copies nothing. */
export class LogMessage implements SourceMessage {
  readonly position: number
  readonly reader: LogReader
  private readonly append: StoredAppend
  /** Made when it is first asked for, and asked for several times. */
  private madeId: string | null = null

  constructor(reader: LogReader, append: StoredAppend, position: number) {
    this.position = position
    this.reader = reader
    this.append = append
  }

  get partition(): number {
    return this.append.partition
  }

  get type(): string {
    return this.append.records[this.position - this.append.position]!.type
  }

  get payload(): unknown {
    return this.append.records[this.position - this.append.position]!.payload
  }

  get id(): string {
    this.madeId ??= recordId(this.append, this.position - this.append.position)
    return this.madeId
  }

  /** When its append was decided. Units: ms since 1970. */
  get timeMs(): number {
    return this.append.timeMs
  }

  get persistenceId(): string {
    return this.append.persistenceId
  }

  get causationId(): string | null {
    return this.append.causationId
  }

  /** The first record of a flow gives its own id to everything that it leads to. */
  get correlationId(): string {
    return this.append.correlationId ?? this.id
  }

  get principal(): string | null {
    return this.append.principal
  }

  get traceParent(): string | null {
    return this.append.traceParent
  }
}

/**
 * Where a bridge's messages come from: a store's own log, or a topic that other programs write.
 *
 * **Delivery**: at least once: what was not `done` when the source was closed (or the process killed) comes again.
 * **Order**: `next` gives a partition's messages in the order of their positions.
 */
export interface MessageSource<Message extends SourceMessage = SourceMessage> {
  /** Name of the group of readers: two with one name share its progress. */
  readonly group: string
  /**
   * Begins to read. `wake` is called, now and later, whenever `next` may have something after it had nothing. May be
   * called again, with or without a `close` before: that begins anew with what is not done. `fail` is called once where
   * the source cannot go on, whatever is tried: its log is corrupt.
   */
  open(wake: () => void, fail: (error: Error) => void): Promise<void>
  /** The next message; null: none at the moment. Never waits. */
  next(): Message | null
  /** The message is dealt with and need not come again. May be called in any order. */
  done(message: SourceMessage): void
  /**
   * Reads messages again that `next` gave before, by their positions in a partition (ascending): all of them, in that
   * order. A source has it where it keeps what it gave; then a bridge need not hold what waits. **Errors**:
   * JOURNAL_CORRUPT where one is not there any more, which is final; others may be tried again.
   */
  again?(partition: number, positions: readonly number[]): Promise<readonly Message[]>
  /**
   * Up to which position everything wanted of a partition was given, in this opening or before. A source with positions has
   * it: a parked message is not replayed ahead of those before it, which a restarted source may yet have to give.
   */
  givenTo?(partition: number): number
  /** Ends reading and stores what is done. */
  close(): Promise<void>
}

export interface SourceMessage<Type extends string = string, Payload = unknown> {
  readonly partition: number
  /**
   * Its place in the partition: later messages have higher ones. Null where places do not say what was handled before;
   * then receivers know a message by its id.
   */
  readonly position: number | null
  /** An event's type; for a command the address that it was sent to. */
  readonly type: Type
  readonly payload: Payload
  /** What makes it one with its redeliveries, and the cause of what it leads to. */
  readonly id: string
  readonly correlationId: string | null
  /** On whose behalf, and in which trace, where that is known; kept with what the message leads to. */
  readonly principal?: string | null
  readonly traceParent?: string | null
  /** What is wrong with it, where it could not be read: a bridge parks it with this text and has nothing translated. */
  readonly invalid?: string | null
}

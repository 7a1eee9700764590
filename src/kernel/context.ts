import { RuntimeError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { Clock, Random } from '../base/ports.ts'
import type { Behavior } from './behavior.ts'
import type { Cell } from './cell.ts'
import type { ActorContext, ActorRef, ReplyTo, SpawnOptions } from './types.ts'

/** What one incarnation of an actor sees of the runtime. */
export class Context implements ActorContext<unknown> {
  /** The runtime's own way in, for supervisors and event-sourced actors. */
  readonly cell: Cell
  /** Set when the incarnation is over: nothing that it does counts any more. */
  revoked = false
  private abort: AbortController | null = null

  constructor(cell: Cell) {
    this.cell = cell
  }

  get self(): ActorRef<unknown> {
    return this.cell
  }
  get name(): string {
    return this.cell.name
  }
  get path(): string {
    return this.cell.path
  }
  get clock(): Clock {
    return this.cell.system.clock
  }
  get random(): Random {
    return this.cell.system.random
  }
  get log(): Logger {
    return this.cell.system.logger
  }

  get signal(): AbortSignal {
    if (this.abort === null) {
      this.abort = new AbortController()
      if (this.revoked) this.abort.abort()
    }
    return this.abort.signal
  }

  spawn<M>(behavior: Behavior<M>, options?: SpawnOptions): ActorRef<M> {
    if (this.revoked || this.cell.isEnding)
      throw new RuntimeError('ACTOR_STOPPED', `${this.path}: this incarnation ends or has ended, and can spawn nothing`)
    return this.cell.spawnChild(behavior, options?.name ?? null)
  }

  tell<M>(ref: ReplyTo<M>, message: M): void {
    if (this.revoked) this.cell.system.deadLetters.add(message, (ref as { path?: string }).path ?? 'ask', 'killed')
    else ref.tell(message)
  }

  watch(ref: ActorRef<never>): void {
    if (!this.revoked) this.cell.watch(ref as unknown as Cell)
  }

  unwatch(ref: ActorRef<never>): void {
    this.cell.unwatch(ref as unknown as Cell)
  }

  fail(error: unknown): void {
    if (!this.revoked) this.cell.failFromOutside(error)
  }

  /** Ends what was begun with `signal`; the rest of the context works on for the stop hook. */
  abortSignal(): void {
    if (this.abort !== null) this.abort.abort()
  }

  revoke(): void {
    this.revoked = true
    this.abortSignal()
  }
}

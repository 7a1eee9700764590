import { askTimeError } from '../kernel/ask-deadlines.ts'
import type { Behavior } from '../kernel/behavior.ts'
import { systemBehavior } from '../kernel/behavior.ts'
import type { ChildExited } from '../kernel/cell.ts'
import type { Context } from '../kernel/context.ts'
import type { ActorContext, AskOptions, ReplyTo } from '../kernel/types.ts'
import { EntityHost, type Queued } from './entity-host.ts'
import type { EntitiesOptions, EntityHooks } from './entity-options.ts'
import { HeldAsk } from './held-ask.ts'

export type { EntitiesOptions, EntityHooks } from './entity-options.ts'

/**
 * Actors of one kind, one per id, each started by its first message. `behavior` is their supervisor, to be put into a
 * tree; `tell` and `ask` reach an entity through whichever incarnation of it runs.
 *
 * **Restart**: an entity that crashes keeps its mailbox and starts again for its next message, after a backoff of its own:
 * its siblings notice nothing. One whose start fails with what trying again does not mend (`isLasting`) is not started by
 * itself: what waits for it fails with that error, what comes while it rests fails at once, and the next message after the
 * rest tries again. **Bounds**: `maxLive`; passivated when idle, and no message is lost in the change.
 * **Order**: per sender and entity, over restarts and passivation too. **Errors**: what comes before the supervisor's
 * first start waits for it; while it is down later, a tell is a dead letter `no-route`, an ask fails with ACTOR_STOPPED.
 * The `timeoutMs` of an ask counts from the ask, whatever the entity waits for.
 */
export class Entities<Message> {
  readonly behavior: Behavior<never>
  private readonly hooks: EntityHooks<Message>
  private host: EntityHost<Message> | null = null
  private context: Context | null = null
  /** What came before the first start. */
  private early: { readonly id: string; readonly message: Queued }[] = []

  constructor(hooks: EntityHooks<Message>, options: EntitiesOptions = {}) {
    this.hooks = hooks
    this.behavior = systemBehavior<never, EntityHost<Message>>(
      {
        initial: context => {
          const own = context as ActorContext<unknown> as Context
          this.context ??= own
          const release = this.claim()
          this.context = own
          this.host = new EntityHost(hooks, options, own, release)
          this.deliverEarly(this.host)
          void hooks.whenFatal?.then(error => own.fail(error))
          return this.host
        },
        receive: host => host,
        onSignal: (host, signal) => {
          if ((signal as { type: string }).type === 'child-exited') host.exited(signal as unknown as ChildExited)
          return host
        },
      },
      {
        stopChildren: async host => {
          if (this.host === host) this.host = null
          await host.stopAll()
        },
        onKill: host => {
          if (this.host === host) this.host = null
          host.kill()
        },
      },
    ) as Behavior<never>
  }

  tell(id: string, message: Message): void {
    const entry = this.host === null ? null : this.host.entryFor(id)
    if (entry === null) {
      this.hold(id, {
        isWanted: true,
        deliver: cell => cell.tell(message),
        refuse: () => this.noRoute(id, message),
      })
      return
    }
    entry.cell.tell(message)
    if (entry.phase !== 'up') this.host!.cameWhileNotUp(entry)
  }

  ask<Reply>(id: string, make: (replyTo: ReplyTo<Reply>) => Message, options?: AskOptions): Promise<Reply> {
    const refusal = askTimeError(options?.timeoutMs)
    if (refusal !== null) return Promise.reject(refusal)
    const entry = this.host === null ? null : this.host.entryFor(id)
    if (entry === null) {
      const held = new HeldAsk(id, make, options, this.hooks.clock)
      this.hold(id, held)
      return held.answer
    }
    const timeoutMs = options?.timeoutMs
    const answer = entry.cell.ask(make, timeoutMs === undefined ? undefined : { timeoutMs })
    if (entry.phase !== 'up') this.host!.cameWhileNotUp(entry)
    return answer
  }

  /** Entities alive, starting or resting. */
  get live(): number {
    return this.host === null ? 0 : this.host.size
  }

  /** Entities that were started again after a crash, by this supervisor's running incarnation. */
  get restarts(): number {
    return this.host === null ? 0 : this.host.restarts
  }

  /** There is no room for the entity now, or nobody to open it. */
  private hold(id: string, message: Queued): void {
    if (this.host !== null) this.host.enqueue(id, message)
    else if (this.context === null) this.early.push({ id, message })
    else message.refuse()
  }

  private claim(): (() => void) | null {
    try {
      return this.hooks.claim?.() ?? null
    } catch (error) {
      for (const { message } of this.early.splice(0)) message.refuse()
      throw error
    }
  }

  private deliverEarly(host: EntityHost<Message>): void {
    const { early } = this
    this.early = []
    for (const { id, message } of early) {
      if (!message.isWanted) continue
      const entry = host.entryFor(id)
      if (entry === null) host.enqueue(id, message)
      else message.deliver(entry.cell)
    }
  }

  private noRoute(id: string, message: Message): void {
    if (this.hooks.takeBack?.(message) === true) return
    const { cell } = this.context!
    cell.system.deadLetters.add(message, `${cell.path}/${id}`, 'no-route')
  }
}

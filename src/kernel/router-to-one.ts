import { toError } from '../base/errors.ts'
import type { Cell } from './cell.ts'
import { LateReply } from './late-reply.ts'
import { RouterFront } from './router-front.ts'
import type { Picker } from './router-picking.ts'
import type { AskOptions, ReplyTo } from './types.ts'

/** Hands each message to one member. */
export class RouterToOne extends RouterFront {
  private readonly picker: Picker

  constructor(keeper: Cell, members: readonly Cell[], picker: Picker) {
    super(keeper, members)
    this.picker = picker
  }

  override tell(message: unknown): void {
    let member: Cell | null
    try {
      member = this.picker.pick(this.group.refs, message)
    } catch (error) {
      this.system.logger.log('error', `${this.path}: no key for a message`, { error: toError(error) })
      member = null
    }
    if (member === null) this.refuseMessage(message)
    else member.tell(message)
  }

  override async offer(message: unknown): Promise<void> {
    await this.memberFor(message).offer(message)
  }

  override async ask<Reply>(make: (replyTo: ReplyTo<Reply>) => unknown, options?: AskOptions): Promise<Reply> {
    if (!this.picker.readsMessage) return this.memberFor(null).ask(make, options)
    const late = new LateReply()
    const message = make(late as ReplyTo<unknown> as ReplyTo<Reply>)
    return this.memberFor(message).ask<Reply>(replyTo => {
      late.bind(replyTo as ReplyTo<never> as ReplyTo<unknown>)
      return message
    }, options)
  }

  private memberFor(message: unknown): Cell {
    const member = this.picker.pick(this.group.refs, message)
    if (member === null) throw this.nobodyError()
    return member
  }
}

import { RuntimeError } from '../base/errors.ts'
import type { Cell } from './cell.ts'
import { RouterFront } from './router-front.ts'
import type { AskOptions, ReplyTo } from './types.ts'

/** Whose answer an ask of several members is: the first to come, or, once all have come, the first member's. */
export type Gather = 'first' | 'all'

/** Hands each message to every member. */
export class RouterToAll extends RouterFront {
  private readonly gather: Gather

  constructor(keeper: Cell, members: readonly Cell[], gather: Gather) {
    super(keeper, members)
    this.gather = gather
  }

  override tell(message: unknown): void {
    let told = false
    for (const member of this.group.refs) {
      if (member.isClosed) continue
      told = true
      member.tell(message)
    }
    if (!told) this.refuseMessage(message)
  }

  override async offer(message: unknown): Promise<void> {
    await Promise.all(this.openMembers().map(member => member.offer(message)))
  }

  override async ask<Reply>(make: (replyTo: ReplyTo<Reply>) => unknown, options?: AskOptions): Promise<Reply> {
    const members = this.openMembers()
    const answers = members.map(member => member.ask<Reply>(make, options))
    if (this.gather === 'all') return (await Promise.all(answers))[0] as Reply
    try {
      return await Promise.any(answers)
    } catch (cause) {
      const text = `${this.path}: none of its ${members.length} members answered`
      throw new RuntimeError('NO_ANSWER', text, { cause })
    }
  }

  private openMembers(): Cell[] {
    const members = this.group.refs.filter(member => !member.isClosed)
    if (members.length === 0) throw this.nobodyError()
    return members
  }
}

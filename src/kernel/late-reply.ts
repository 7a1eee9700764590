import type { ReplyTo } from './types.ts'

/** Where to answer, for a message that must be made before it is known who is asked. */
export class LateReply implements ReplyTo<unknown> {
  private target: ReplyTo<unknown> | null = null
  private early: unknown[] | null = null

  tell(reply: unknown): void {
    if (this.target !== null) this.target.tell(reply)
    else if (this.early === null) this.early = [reply]
    else this.early.push(reply)
  }

  /** From now on answers go there, those that came too early first. */
  bind(target: ReplyTo<unknown>): void {
    this.target = target
    const { early } = this
    this.early = null
    if (early !== null) for (const reply of early) target.tell(reply)
  }
}

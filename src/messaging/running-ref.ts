import { RuntimeError } from '../base/errors.ts'
import type { ActorRef } from '../kernel/types.ts'

interface Early<Message> {
  readonly resolve: (ref: ActorRef<Message>) => void
  readonly reject: (error: RuntimeError) => void
}

/**
 * The incarnation of a bridge or a door that runs at the moment. Whoever calls before its first start waits for that, so
 * that a program need not know when its tree stands; once it has ended, a call fails with BRIDGE_STOPPED.
 */
export class RunningRef<Message> {
  private readonly name: string
  private ref: ActorRef<Message> | null = null
  /** Null after the first start, and after one that failed. */
  private early: Early<Message>[] | null = []

  constructor(name: string) {
    this.name = name
  }

  started(ref: ActorRef<Message>): void {
    this.ref = ref
    for (const { resolve } of this.early ?? []) resolve(ref)
    this.early = null
  }

  /** It has stopped, was killed, or could not start. */
  ended(cause?: unknown): void {
    this.ref = null
    for (const { reject } of this.early ?? []) reject(this.stopped(cause))
    this.early = null
  }

  async ask<Reply>(make: (replyTo: { tell(reply: Reply): void }) => Message): Promise<Reply> {
    const ref = this.ref ?? (await this.firstStart())
    try {
      return await ref.ask<Reply>(make)
    } catch (error) {
      throw this.stopped(error)
    }
  }

  private firstStart(): Promise<ActorRef<Message>> {
    const { early } = this
    if (early === null) throw this.stopped()
    return new Promise((resolve, reject) => early.push({ resolve, reject }))
  }

  private stopped(cause?: unknown): RuntimeError {
    return new RuntimeError('BRIDGE_STOPPED', `${this.name} is not running`, { cause, retryable: true })
  }
}

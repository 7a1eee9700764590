import { RuntimeError, toError } from '../../base/errors.ts'
import type { ActorRef, AskOptions, ReplyTo, StopOptions } from '../../kernel/types.ts'
import type { Record } from './effects.ts'

/** The address of nobody: what is done with it is an effect. An ask of it waits until the test answers. */
export class RecordingRef implements ActorRef<unknown> {
  readonly name: string
  readonly path: string
  private readonly record: Record

  constructor(path: string, record: Record) {
    this.path = path
    this.name = path.slice(path.lastIndexOf('/') + 1)
    this.record = record
  }

  tell(message: unknown): void {
    this.record({ type: 'told', to: this.path, message })
  }

  offer(message: unknown): Promise<void> {
    this.tell(message)
    return Promise.resolve()
  }

  ask<Reply>(make: (replyTo: ReplyTo<Reply>) => unknown, options?: AskOptions): Promise<Reply> {
    return recordAsk(this.path, make, options, this.record)
  }

  stop(_options?: StopOptions): Promise<void> {
    this.record({ type: 'stop-requested', ref: this.path })
    return Promise.resolve()
  }

  drain(_options?: StopOptions): Promise<void> {
    this.record({ type: 'drain-requested', ref: this.path })
    return Promise.resolve()
  }

  kill(): void {
    this.record({ type: 'kill-requested', ref: this.path })
  }
}

export const recordAsk = <Reply>(
  to: string,
  make: (replyTo: ReplyTo<Reply>) => unknown,
  options: AskOptions | undefined,
  record: Record,
): Promise<Reply> =>
  new Promise((resolve, reject) => {
    const answer = (reply: unknown): void => resolve(reply as Reply)
    const fail = (error: Error): void => reject(error)
    try {
      const message = make({ tell: answer })
      record({ type: 'asked', to, message, timeoutMs: options?.timeoutMs ?? null, answer, fail })
    } catch (thrown) {
      reject(toError(thrown))
    }
  })

export const incarnationOver = (path: string): RuntimeError =>
  new RuntimeError('ACTOR_STOPPED', `${path}: this incarnation has ended. Run the behavior anew.`)

import { toError } from '../base/errors.ts'
import type { Context } from '../kernel/context.ts'
import type { ReplyTo } from '../kernel/types.ts'

/**
 * The message with `fields` of it, each read once: whoever sends past the types may send what throws when it is read. Null:
 * it does.
 */
export const readable = <Message>(message: Message, fields: readonly string[]): Message | null => {
  try {
    const given = Object(message) as Record<string, unknown>
    return Object.fromEntries(fields.map(field => [field, given[field]])) as Message
  } catch {
    // Who reports a message that is none reports this one, too.
    return null
  }
}

/**
 * Answers a control message of a supervisor. Whoever sent it may have given anything to answer to, or nothing: that is no
 * failure of the supervisor's, whose children must not go down over it, and a line in the log.
 */
export const answerTo = <Result>(context: Context, replyTo: ReplyTo<Result>, result: Result): void => {
  try {
    context.tell(replyTo, result)
  } catch (thrown) {
    context.log.log('error', `${context.path}: an answer was lost, its replyTo failed`, { error: toError(thrown) })
  }
}

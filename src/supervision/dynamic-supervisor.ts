import { type Behavior, type Stopped, systemBehavior } from '../kernel/behavior.ts'
import type { ChildExited } from '../kernel/cell.ts'
import type { Context } from '../kernel/context.ts'
import type { ActorRef, ReplyTo, Signal } from '../kernel/types.ts'
import { answerTo, readable } from './answering.ts'
import { DynamicChildren, Rested, StartEnded } from './dynamic-children.ts'
import type { DynamicSupervisorMessage } from './dynamic-messages.ts'
import { checkDynamic, type DynamicSupervisorSpec } from './dynamic-specification.ts'

/** What one incarnation of a dynamic supervisor knows. */
interface Supervision {
  readonly context: Context
  readonly children: DynamicChildren
}

type Control = DynamicSupervisorMessage<unknown, never>

/**
 * An actor that starts, restarts and stops any number of children of one kind, each with arguments of its own; see
 * `dynamicControl`. The children know nothing of each other, and it waits for none: a start or a stop that takes long holds
 * up no other. A child that ends and is not due again is forgotten; a restarted one keeps its ref and its mailbox.
 *
 * It gives up when more than `intensity` restarts of all children together are due within `periodMs`, as any supervisor
 * does. When it ends, it stops all children at once, with one timer of `shutdownMs` for all of them. Restarted itself, it
 * begins without children.
 *
 * **Errors**: CHILD_SPEC_INVALID, which names the field. **Bounds**: `maxChildren`. **Source**: Erlang/OTP 25, module
 * supervisor, `simple_one_for_one`, which waits for each start.
 */
export const dynamicSupervisor = <Args, Message>(
  spec: DynamicSupervisorSpec<Args, Message>,
): Behavior<DynamicSupervisorMessage<Args, Message>> => {
  const checked = checkDynamic(spec)
  const made = systemBehavior<Control | StartEnded | Rested, Supervision>(
    {
      initial: ownContext => {
        const context = ownContext as unknown as Context
        return { context, children: new DynamicChildren(checked, context) }
      },
      receive: (supervision, message) => handle(supervision, message) ?? supervision,
      onSignal: (supervision, signal: Signal | ChildExited) =>
        (signal.type === 'child-exited' ? supervision.children.exited(signal) : null) ?? supervision,
    },
    {
      stopChildren: supervision => supervision.children.stopAll(),
      takeBack: message => message instanceof StartEnded,
      escalates: true,
    },
  )
  return made as unknown as Behavior<DynamicSupervisorMessage<Args, Message>>
}

const handle = ({ context, children }: Supervision, told: Control | StartEnded | Rested): Stopped | null => {
  if (told instanceof StartEnded) return children.startEnded(told)
  if (told instanceof Rested) return children.rested(told)
  const message = readable(told, ['type', 'args', 'ref', 'replyTo'])
  switch (message?.type) {
    case 'start-child':
      children.start(message.args, message.replyTo)
      return null
    case 'terminate-child':
      children.terminate(message.ref as ActorRef<never>, message.replyTo)
      return null
    case 'count-children':
      answerTo(context, message.replyTo, children.count())
      return null
    case 'which-children':
      answerTo(context, message.replyTo as ReplyTo<unknown>, children.list())
      return null
    default:
      ignoreUnknown(message, context)
      return null
  }
}

const ignoreUnknown = (_message: null, { log, path }: Context): void =>
  log.log('error', `${path}: a message that is none of a dynamic supervisor's was ignored`)

import { toError } from '../base/errors.ts'
import type { Context } from '../kernel/context.ts'
import type { ReplyTo } from '../kernel/types.ts'
import { answerTo, readable } from './answering.ts'
import type { Child, Children } from './children.ts'
import type {
  ChildInfo,
  DeleteChildResult,
  RestartChildResult,
  StartChildResult,
  SupervisorMessage,
  TerminateChildResult,
} from './messages.ts'
import { type CheckedSupervisor, type ChildSpec, checkChild } from './specification.ts'

/** What control messages work on. */
interface Controlled {
  readonly spec: CheckedSupervisor
  readonly context: Context
  readonly children: Children
}

/** Does what the message asks for and answers it. None of it counts as a restart, or touches another child. */
export const control = async <S extends Controlled>(supervision: S, told: SupervisorMessage): Promise<S> => {
  const { children } = supervision
  const message = readable(told, ['type', 'id', 'spec', 'replyTo'])
  const answer = <R>(replyTo: ReplyTo<R>, result: R): void => answerTo(supervision.context, replyTo, result)
  switch (message?.type) {
    case 'start-child':
      answer(message.replyTo, await startChild(supervision, message.spec))
      break
    case 'terminate-child':
      answer(message.replyTo, await terminateChild(supervision, message.id))
      break
    case 'restart-child':
      answer(message.replyTo, await restartChild(children, message.id))
      break
    case 'delete-child':
      answer(message.replyTo, deleteChild(children, message.id))
      break
    case 'which-children':
      answer(message.replyTo, children.inStartOrder().map(infoOf))
      break
    default:
      // Not a bug of the supervisor's: its children must not go down over what somebody sent past the types.
      ignoreUnknown(message, supervision.context)
  }
  return supervision
}

const ignoreUnknown = (_message: null, { log, path }: Context): void =>
  log.log('error', `${path}: a message that is none of a supervisor's was ignored`)

const startChild = async ({ children, spec }: Controlled, childSpec: ChildSpec): Promise<StartChildResult> => {
  let checked: ReturnType<typeof checkChild>
  try {
    checked = checkChild(childSpec, spec)
  } catch (error) {
    return { ok: false, error: 'invalid-spec', cause: toError(error) }
  }
  const present = children.get(checked.id)
  if (present !== undefined)
    return present.status === 'up' && present.cell !== null
      ? { ok: false, error: 'already-started', ref: present.cell }
      : { ok: false, error: 'already-present' }
  const child = children.add(checked)
  const failure = await children.start(child)
  if (failure === null) return { ok: true, ref: child.cell }
  children.remove(child)
  return { ok: false, error: 'start-failed', cause: failure }
}

const terminateChild = async ({ children, context }: Controlled, id: string): Promise<TerminateChildResult> => {
  const child = children.get(id)
  if (child === undefined) return { ok: false, error: 'not-found' }
  // It may rest before a restart.
  context.timers.cancel(id)
  await children.stop(child)
  children.letDown(child)
  // It may have been the one whose next try would have started its group.
  children.settle()
  return { ok: true }
}

const restartChild = async (children: Children, id: string): Promise<RestartChildResult> => {
  const child = children.get(id)
  if (child === undefined) return { ok: false, error: 'not-found' }
  if (child.status !== 'down') return { ok: false, error: runningOrRestarting(child) }
  const failure = await children.start(child)
  if (failure === null) return { ok: true, ref: child.cell }
  children.settle()
  return { ok: false, error: 'start-failed', cause: failure }
}

const deleteChild = (children: Children, id: string): DeleteChildResult => {
  const child = children.get(id)
  if (child === undefined) return { ok: false, error: 'not-found' }
  if (child.status !== 'down') return { ok: false, error: runningOrRestarting(child) }
  children.remove(child)
  return { ok: true }
}

const runningOrRestarting = (child: Child): 'running' | 'restarting' =>
  child.status === 'up' ? 'running' : 'restarting'

const infoOf = ({ spec, status, cell }: Child): ChildInfo => ({
  id: spec.id,
  status,
  restart: spec.restart,
  ref: cell,
})

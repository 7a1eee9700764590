import type { Actor } from '../actor/actor.ts'
import type { Context, OnCrash } from '../actor/context.ts'
import { targetOf } from './references.ts'

/** What an `onCrash` may answer. `Self` is the actor that is asked: the one that failed, or one that it was escalated to. */
export const SupervisionActions = {
  stop: Symbol('stop'),
  /** Self and peers. */
  stopAll: Symbol('stopAll'),
  /** The child that escalated. */
  stopChild: Symbol('stopChild'),
  stopAllChildren: Symbol('stopAllChildren'),
  escalate: Symbol('escalate'),
  resume: Symbol('resume'),
  reset: Symbol('reset'),
  /** Self and peers. */
  resetAll: Symbol('resetAll'),
  /** The child that escalated. */
  resetChild: Symbol('resetChild'),
  resetAllChildren: Symbol('resetAllChildren'),
} as const

/** Where an actor has no `onCrash` of its own: it is stopped, and the log says why. */
export const defaultSupervisionPolicy: OnCrash = (_message, error, context, child) => {
  const what = child === undefined ? 'failed, and is stopped' : `child ${child.name} failed, and both are stopped`
  actorOf(context)?.complain(what, error)
  return context.stop
}

/** For stateless actors. */
export const resumeAfterComplaint: OnCrash = (_message, error, context) => {
  actorOf(context)?.complain('failed at a message, and goes on', error)
  return context.resume
}

/** Undefined: it has stopped meanwhile. */
const actorOf = ({ self }: Context): Actor | undefined => targetOf(self) as Actor | undefined

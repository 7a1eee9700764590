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

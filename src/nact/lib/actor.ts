import { Actor } from '../actor/actor.ts'
import type { Context, Handler, Properties } from '../actor/context.ts'
import { applyTo } from './functions.ts'
import type { ActorReference } from './references.ts'
import { resumeAfterComplaint } from './supervision.ts'
import type { NactSystem } from './system.ts'

/** **Errors**: Error for a parent that has stopped, and those of the actor's construction. */
export const spawnActor = (parent: unknown, make: (parent: Actor | NactSystem) => Actor): ActorReference =>
  applyTo(parent, (concrete: Actor | NactSystem) => {
    concrete.assertNotStopped()
    return make(concrete).launch()
  })

/** As nact's `spawn`; its types are the index's. */
export const spawn = (parent: unknown, f: Handler, name?: unknown, properties: Properties = {}): ActorReference =>
  spawnActor(parent, concrete => new Actor(concrete, f, name, properties))

export { Actor }

type StatelessHandler = (this: Context, message: unknown, context: Context) => unknown

/** As nact's `spawnStateless`: its actors go on after every failure. */
export const spawnStateless = (
  parent: unknown,
  f: StatelessHandler,
  name?: unknown,
  properties: Properties = {},
): ActorReference =>
  spawn(parent, (_state, message, context) => f.call(context, message, context), name, {
    ...properties,
    onCrash: resumeAfterComplaint,
  })

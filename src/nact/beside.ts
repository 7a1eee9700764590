import { RuntimeError } from '../base/errors.ts'
import { ActorSystem, type ActorSystemOptions } from '../kernel/system.ts'
import type { ActorRef } from '../kernel/types.ts'
import { Actor } from './actor/actor.ts'
import { NactSystem } from './lib/system.ts'
import { locate } from './lib/system-map.ts'
import type { Anything, Plugin, Ref } from './types.ts'

/**
 * An extension of nact's `start`: its actors live in `kernel`, beside others of Troupe's, and it ends with neither; or in a
 * system of their own with these options, such as a virtual clock. What has a sender is `{ message, sender }` to the
 * system's interceptors, and in its dead letters.
 */
export const onTroupe = (kernel: ActorSystem | ActorSystemOptions): Plugin =>
  ((system: NactSystem) => {
    if (kernel instanceof ActorSystem) system.useKernel(kernel, false)
    else system.useKernel(ActorSystem.start({ name: system.kernelName, ...kernel }), true)
  }) as unknown as Plugin

/** The system of the kernel under a system or an actor of nact's API. **Errors**: ACTOR_STOPPED. */
export const troupeSystem = (reference: Ref<Anything>): ActorSystem => {
  const living = locate(reference as never)
  if (living instanceof NactSystem) return living.kernel
  return actorUnder(living).system.kernel
}

/** An actor of nact's API as one that Troupe's actors can tell, watch and stop. **Errors**: ACTOR_STOPPED. */
export const troupeRef = <Message>(reference: Ref<Message>): ActorRef<Message> =>
  actorUnder(locate(reference as never)).kernelRef as ActorRef<Message>

const actorUnder = (living: unknown): Actor => {
  if (living instanceof Actor) return living
  throw new RuntimeError('ACTOR_STOPPED', 'nothing lives under this reference: its actor has stopped, or is none')
}

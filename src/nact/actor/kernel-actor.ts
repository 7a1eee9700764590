import { RuntimeError } from '../../base/errors.ts'
import { systemBehavior } from '../../kernel/behavior.ts'
import type { Cell } from '../../kernel/cell.ts'
import type { Actor } from './actor.ts'

/** Actors whose first turn is yet to come, by the kernel's actor that they will be the state of. */
export const launched = new WeakMap<object, Actor>()

/** The kernel's actors under all of nact's: one ends when the other stops, either way. */
export const hosting = systemBehavior<unknown, Actor>(
  {
    initial: context => {
      const actor = launched.get(context.self) as Actor
      launched.delete(context.self)
      return actor.begin(context)
    },
    receive: (actor, item) => actor.receive(item),
    onStop: actor => actor.stop(),
    startTimeoutMs: Number.POSITIVE_INFINITY,
  },
  { onKill: actor => actor.stop(), isRuntimes: false },
)

/** The name of an actor is free once it has stopped, while the kernel's may still be about its last handler. */
export const withFreeName = (name: string, spawn: (name: string) => unknown): Cell => {
  // The kernel draws names that begin with `$` itself.
  const wanted = name.startsWith('$') ? `~${name}` : name
  for (let suffix = ''; ; suffix += '~')
    try {
      return spawn(wanted + suffix) as Cell
    } catch (error) {
      if (!(error instanceof RuntimeError) || error.code !== 'ACTOR_NAME_TAKEN') throw error
    }
}

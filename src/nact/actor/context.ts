import type { ActorPath } from '../lib/paths.ts'
import type { ActorReference, ActorSystemReference } from '../lib/references.ts'
import type { Anything, LoggerLike } from '../types.ts'

/** A message that has a sender; one that has none is told as it is. */
export class Sent {
  readonly message: unknown
  readonly sender: unknown
  constructor(message: unknown, sender: unknown) {
    this.message = message
    this.sender = sender
  }
}

/** What an actor's function is called with, last and as `this`. */
export interface Context {
  readonly parent: ActorReference | ActorSystemReference | undefined
  readonly path: ActorPath
  readonly self: ActorReference
  readonly name: string
  readonly children: Map<string, ActorReference>
  readonly sender: unknown
  readonly log: LoggerLike | undefined
}

export type Handler = (this: Context, state: unknown, message: unknown, context: Context) => unknown

export interface Properties {
  readonly shutdownAfter?: unknown
  readonly onCrash?: OnCrash | undefined
  readonly initialState?: unknown
  readonly initialStateFunc?: ((context: Context) => unknown) | undefined
  readonly afterStop?: ((state: unknown, context: Context) => unknown) | undefined
}

export type OnCrash = (
  message: unknown,
  error: unknown,
  context: Anything,
  child: ActorReference | undefined,
) => unknown

/** A copy of an actor's children, which notices when whoever it is given to changes it. */
export class ChildMap extends Map<string, ActorReference> {
  isTouched = false

  constructor(children: ReadonlyMap<string, { readonly reference: ActorReference }>) {
    super()
    for (const [name, child] of children) super.set(name, child.reference)
  }

  override set(name: string, reference: ActorReference): this {
    this.isTouched = true
    return super.set(name, reference)
  }

  override delete(name: string): boolean {
    this.isTouched = true
    return super.delete(name)
  }

  override clear(): void {
    this.isTouched = true
    super.clear()
  }
}

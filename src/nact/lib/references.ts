import type { ActorPath } from './paths.ts'

/**
 * What nact's programs hold in place of actors: plain objects that name them. One that was made elsewhere (a copy, or read
 * from a message) finds its actor by system and path; one that a system made leads to its actor at once, whatever other
 * system has taken over the name.
 */
class Reference {
  #target: unknown = undefined

  /** What lives under the reference; undefined: it has stopped, or no system made the reference. */
  static targetOf(reference: unknown): unknown {
    return typeof reference === 'object' && reference !== null && #target in reference ? reference.#target : undefined
  }

  static bind(reference: Reference, target: unknown): void {
    reference.#target = target
  }
}

export const { targetOf, bind } = Reference

/** Nobody: what is dispatched to it is dropped, as programs for nact expect of an absent sender. */
export class Nobody {
  readonly system: { readonly name: string | undefined } = { name: undefined }
  readonly path: { readonly parts: readonly string[] } = { parts: [] }
  readonly type = 'nobody'
}

/** Where the answer to one query goes. */
export class TemporaryReference extends Reference {
  readonly system: { readonly name: string }
  readonly id: number
  readonly type = 'temp'

  /** `id` is unique among the queries of its system. */
  constructor(systemName: string, id = 0) {
    super()
    this.system = { name: systemName }
    this.id = id
  }
}

export class ActorReference extends Reference {
  readonly path: ActorPath
  readonly name: string
  readonly parent: ActorReference | ActorSystemReference
  readonly system: { readonly name: string }
  readonly type = 'actor'

  constructor(systemName: string, parent: ActorReference | ActorSystemReference, path: ActorPath, name: string) {
    super()
    this.path = path
    this.name = name
    this.parent = parent
    this.system = { name: systemName }
  }
}

export class ActorSystemReference extends Reference {
  readonly path: ActorPath
  readonly system: { readonly name: string }
  readonly name: string
  readonly type = 'system'

  constructor(systemName: string, path: ActorPath) {
    super()
    this.path = path
    this.system = { name: systemName }
    this.name = systemName
  }
}

/** As a program may give it: made by a system, or an object that looks like one. */
export interface AnyReference {
  readonly type?: string
  readonly system: { readonly name: string | undefined }
  readonly path?: { readonly parts?: readonly string[] }
  readonly id?: number
}

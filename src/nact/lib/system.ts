import { randomId, systemPorts } from '../../base/ports.ts'
import type { Behavior } from '../../kernel/behavior.ts'
import type { Cell } from '../../kernel/cell.ts'
import { inPath } from '../../kernel/names.ts'
import { ActorSystem } from '../../kernel/system.ts'
import type { Actor } from '../actor/actor.ts'
import { withFreeName } from '../actor/kernel-actor.ts'
import { Query } from '../actor/query.ts'
import type { LoggerLike } from '../types.ts'
import { ActorPath } from './paths.ts'
import type { PersistenceEngine } from './persistence/persistence-engine.ts'
import { type ActorReference, ActorSystemReference, type AnyReference, bind, TemporaryReference } from './references.ts'
import { add, find, remove } from './system-map.ts'

/** A system of nact's: the root of its actors, on a system of the kernel. Extensions are given this object to fill in. */
export class NactSystem {
  readonly name: string
  readonly path: ActorPath
  readonly reference: ActorSystemReference
  readonly children = new Map<string, Actor>()
  readonly system = this
  stopped = false
  persistenceEngine: PersistenceEngine | undefined = undefined
  createLogger: (reference: ActorReference) => LoggerLike | undefined = () => undefined
  private readonly queries = new Map<number, Query>()
  private runsOn: ActorSystem | null = null
  /** It ends with this system. */
  private isOwn = true
  private names = 0
  private queryIds = 0
  /** Drawn by chance, as nact draws each id: a reference that an earlier run stored must mean nobody of this one. */
  private drawn: number | null = null

  constructor(name: string) {
    this.name = name
    this.path = ActorPath.root(name)
    this.reference = new ActorSystemReference(name, this.path)
    bind(this.reference, this)
    add(this)
  }

  /** Where its actors live: a system of its own, unless an extension gave it one. */
  get kernel(): ActorSystem {
    this.runsOn ??= ActorSystem.start({ name: this.kernelName })
    return this.runsOn
  }

  /** Of its own kernel: nact takes any name. */
  get kernelName(): string {
    return inPath(String(this.name))
  }

  /** **Errors**: Error once it runs on another one. */
  useKernel(kernel: ActorSystem, isOwn: boolean): void {
    if (this.runsOn !== null)
      throw new Error(`system ${this.name} runs already: give it its kernel as the first extension of start`)
    this.runsOn = kernel
    this.isOwn = isOwn
  }

  get childReferences(): Map<string, ActorReference> {
    return new Map([...this.children].map(([name, child]) => [name, child.reference]))
  }

  childSpawned(child: Actor): void {
    this.children.set(child.name, child)
  }

  childStopped(child: Actor): void {
    this.children.delete(child.name)
  }

  adopt(behavior: Behavior<unknown>, name: string): Cell {
    return withFreeName(name, free => this.kernel.spawn(behavior, { name: free }))
  }

  nextName(): string {
    return `anonymous-${this.runId}-${++this.names}`
  }

  openQuery(timeoutMs: number): Query {
    const reference = new TemporaryReference(this.name, this.runId * 2 ** 20 + ++this.queryIds)
    const query = new Query(reference, Number(timeoutMs) || 0, this.kernel.clock, () =>
      this.queries.delete(reference.id),
    )
    this.queries.set(reference.id, query)
    return query
  }

  /** What lives under a reference that names it; undefined: nothing. */
  find(reference: AnyReference): unknown {
    switch (reference?.type) {
      case 'actor':
        return this.findActor(reference.path?.parts ?? [])
      case 'temp':
        return this.queries.get(reference.id ?? 0)
      case 'system':
        return this
      default:
        return undefined
    }
  }

  /** Stops every actor, at once for all who would send to it. */
  stop(): void {
    if (this.stopped) return
    for (const child of [...this.children.values()]) child.stop()
    this.stopped = true
    bind(this.reference, undefined)
    if (find(this.name) === this) remove(this.name)
    if (this.isOwn) void this.runsOn?.terminate()
  }

  assertNotStopped(): true {
    if (this.stopped) throw new Error(`system ${this.name} has stopped`)
    return true
  }

  private get runId(): number {
    this.drawn ??= Math.floor(this.kernel.random.next() * 2 ** 32)
    return this.drawn
  }

  private findActor(parts: readonly string[]): unknown {
    let at: Actor | NactSystem | undefined = this
    for (const part of parts) at = at?.children.get(part)
    return at
  }
}

type Extension = (system: NactSystem) => unknown

/** As nact's `start`: a name, or an object with one, then extensions. */
export const start = (...extensions: readonly unknown[]): ActorSystemReference => {
  const [first, ...others] = extensions
  const system = new NactSystem(nameIn(first) || randomId(systemPorts.random))
  const all = typeof first === 'function' ? [first, ...others] : others
  for (const extension of all) (extension as Extension)(system)
  return system.reference
}

const nameIn = (first: unknown): string | undefined => {
  if (typeof first === 'string') return first
  return typeof first === 'object' ? (first as { readonly name?: string } | null)?.name : undefined
}

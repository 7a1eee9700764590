import { RuntimeError } from '../base/errors.ts'
import { type Behavior, NORMAL } from './behavior.ts'
import type { Cell } from './cell.ts'
import { type CellSystem, STOPPED, SUSPENDED } from './cell-state.ts'
import { inPath } from './names.ts'
import { Receiver } from './receiver.ts'
import type { ExitReason } from './types.ts'

/** An actor's place among others: parent and children, who watches it, and to whom it is linked. */
export abstract class Kin extends Receiver {
  readonly parent: Cell | null
  protected readonly label: string | number
  protected lastChild: Cell | null = null
  protected previousSibling: Cell | null = null
  protected nextSibling: Cell | null = null

  constructor(
    system: CellSystem,
    parent: Cell | null,
    behavior: Behavior<never>,
    label: string | number,
    supervised: boolean,
  ) {
    super(system, behavior, supervised)
    this.parent = parent
    this.label = label
  }

  get name(): string {
    return typeof this.label === 'string' ? this.label : `$${this.label}`
  }

  get path(): string {
    // A loop, since a tree may be deeper than the stack.
    let path = ''
    for (let at: Kin | null = this; at !== null; at = at.parent) path = `/${at.segment}${path}`
    return `/${this.system.name}${path}`
  }

  override toString(): string {
    return this.path
  }

  /** What `console.log` shows: a cell's insides are nobody's business. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return `ActorRef(${this.path})`
  }

  /** The name as it stands in a path. */
  get segment(): string {
    return typeof this.label === 'string' ? inPath(this.label) : this.name
  }

  *children(): Iterable<Cell> {
    const newestFirst: Cell[] = []
    for (let child = this.lastChild; child !== null; child = child.previousSibling) newestFirst.push(child)
    yield* newestFirst.reverse()
  }

  watch(target: Cell): void {
    if (target.status === STOPPED) {
      if (this.signals?.hasEndOf(target) !== true) this.signal({ type: 'terminated', ref: target, reason: NORMAL })
      return
    }
    const mine = this.rarely()
    mine.watching ??= new Set()
    mine.watching.add(target)
    const theirs = target.rarely()
    theirs.watchers ??= new Set()
    theirs.watchers.add(this as Kin as Cell)
  }

  unwatch(target: Cell): void {
    this.rare?.watching?.delete(target)
    target.rare?.watchers?.delete(this as Kin as Cell)
    if (this.signals === null) return
    this.signals.forgetEndOf(target)
    if (this.signals.isEmpty) this.signals = null
  }

  /** An actor that does not run cannot be linked to: this one fails, as if the link had been there when the other ended. */
  link(target: Cell): void {
    if (target === (this as Kin)) return
    if (target.status === STOPPED || target.status === SUSPENDED) {
      this.signal({ type: 'fail', error: linkFailed(target, null), from: target })
      return
    }
    this.tie(target)
    target.tie(this as Kin as Cell)
  }

  unlink(target: Cell): void {
    this.rare?.links?.delete(target)
    target.rare?.links?.delete(this as Kin as Cell)
    if (this.signals === null) return
    this.signals.filter(signal => signal.type !== 'fail' || signal.from !== target)
    if (this.signals.isEmpty) this.signals = null
  }

  /** The incarnation ends: it watches nobody, and who is linked to it fails with it unless the end is an orderly one. */
  protected leaveKin(reason: ExitReason): void {
    const rare = this.rare
    if (rare === null) return
    if (rare.watching !== null) {
      for (const target of rare.watching) target.rare?.watchers?.delete(this as Kin as Cell)
      rare.watching = null
    }
    if (rare.links === null) return
    const { links } = rare
    rare.links = null
    const self = this as Kin as Cell
    for (const linked of links) {
      linked.rare?.links?.delete(self)
      if (reason.type === 'error' || reason.type === 'killed')
        linked.signal({ type: 'fail', error: linkFailed(self, reason), from: self })
    }
  }

  private tie(other: Cell): void {
    const rare = this.rarely()
    rare.links ??= new Set()
    rare.links.add(other)
  }

  protected attach(child: Cell): Cell {
    child.previousSibling = this.lastChild
    if (this.lastChild !== null) this.lastChild.nextSibling = child
    this.lastChild = child
    return child
  }

  protected detach(): void {
    const parent = this.parent
    if (parent === null) return
    if (this.nextSibling !== null) this.nextSibling.previousSibling = this.previousSibling
    else if (parent.lastChild === (this as Kin)) parent.lastChild = this.previousSibling
    if (this.previousSibling !== null) this.previousSibling.nextSibling = this.nextSibling
    this.nextSibling = null
    this.previousSibling = null
    if (typeof this.label === 'string' && parent.rare?.childNames?.get(this.label) === (this as Kin))
      parent.rare.childNames.delete(this.label)
  }
}

const linkFailed = (other: Cell, reason: ExitReason | null): RuntimeError =>
  new RuntimeError(
    'ACTOR_LINK_FAILED',
    `${other.path}, to which this actor is linked, ${reason === null ? 'does not run' : reason.type === 'killed' ? 'was killed' : 'failed'}`,
    reason?.type === 'error' ? { cause: reason.error } : {},
  )

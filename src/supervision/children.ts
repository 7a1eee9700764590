import { RuntimeError } from '../base/errors.ts'
import type { Cell, ChildExited } from '../kernel/cell.ts'
import type { Context } from '../kernel/context.ts'
import type { ExitReason } from '../kernel/types.ts'
import { FailurePolicy } from './failure-policy.ts'
import { FailureStreak } from './failure-streak.ts'
import type { CheckedChild } from './specification.ts'

export type ChildStatus =
  /** Started, and its end is not known here. */
  | 'up'
  /** Not started, and nothing is under way to start it. */
  | 'down'
  /** It rests before its restart; or its start failed, and the next try waits in the supervisor's mailbox. */
  | 'restarting'

/** A child specification, and the actor that it stands for now. */
export class Child {
  readonly spec: CheckedChild
  /** What messages go to; null: down for good, until it is started again with a new one. */
  cell: Cell | null = null
  status: ChildStatus = 'down'
  /** What its last unasked end, or a failed start since, came from; null: an ordinary end. */
  failure: Error | null = null
  readonly policy: FailurePolicy
  readonly streak = new FailureStreak()

  constructor(spec: CheckedChild, owner: Context) {
    this.spec = spec
    this.policy = new FailurePolicy(owner, spec.id, spec.decider, spec.attempts)
  }
}

/**
 * The children of one incarnation of a supervisor, in start order. Holds: an `up` child has a cell; what becomes of a
 * cell that does not run is decided by `letDown` (its mail goes to dead letters) or by leaving it for the next start.
 *
 * When the supervisor is killed, its cells have ended before the promises here settle: every step then finds nothing to
 * do, and no new cell is made.
 */
export class Children {
  private readonly owner: Context
  private readonly byId = new Map<string, Child>()

  constructor(owner: Context) {
    this.owner = owner
  }

  get(id: string): Child | undefined {
    return this.byId.get(id)
  }

  inStartOrder(): Child[] {
    return [...this.byId.values()]
  }

  /** `child` and those started after it. */
  from(child: Child): Child[] {
    const all = this.inStartOrder()
    return all.slice(all.indexOf(child))
  }

  /** Adds it behind those that are there. */
  add(spec: CheckedChild): Child {
    const child = new Child(spec, this.owner)
    this.byId.set(spec.id, child)
    return child
  }

  remove(child: Child): void {
    this.abandon(child)
    this.byId.delete(child.spec.id)
  }

  /** The child whose end `exit` tells of; null: it has been stopped or started again since. */
  endedBy(exit: ChildExited): Child | null {
    const child = this.byId.get(exit.child.name)
    if (child === undefined || child.status !== 'up') return null
    return child.cell === exit.child && child.cell.incarnation === exit.incarnation ? child : null
  }

  /** Starts the child, in its old cell if it has kept one. Gives the error of a failed start, else null. */
  async start(child: Child): Promise<Error | null> {
    if (this.owner.revoked) return this.endedError()
    child.cell ??= this.hold(child)
    child.policy.begin()
    const result = await child.cell.start()
    switch (result.type) {
      case 'started':
        child.status = 'up'
        return null
      case 'ignored':
        this.letDown(child)
        return null
      case 'failed':
        child.failure = result.error
        return result.error
    }
  }

  /** Starts them in order. Gives the first that fails, and does not go on after it. */
  async startAll(children: readonly Child[]): Promise<Child | null> {
    for (const child of children) if ((await this.start(child)) !== null) return child
    return null
  }

  /** Stops the child within its shutdown time, or kills it then. Its cell and its mailbox are kept. */
  async stop(child: Child): Promise<void> {
    if (child.status === 'up' && child.cell !== null) {
      const { shutdownMs } = child.spec
      const reason = await child.cell.shutdown(shutdownMs === 0 ? 'brutal-kill' : shutdownMs)
      this.reportBadEnd(child, reason)
    }
    child.status = 'down'
  }

  /** Stops them in reverse order. When the supervisor ends after it, their cells end with it. */
  async stopAll(children: readonly Child[] = this.inStartOrder()): Promise<void> {
    for (const child of children.toReversed()) await this.stop(child)
  }

  /** The child does not come back by itself: a temporary one is forgotten, others wait for somebody to start them. */
  letDown(child: Child): void {
    child.status = 'down'
    if (child.spec.restart === 'temporary') this.remove(child)
    else this.abandon(child)
  }

  /** Lets down what a group restart has stopped and not yet started, unless its next try is under way. */
  settle(): void {
    const children = this.inStartOrder()
    if (children.some(child => child.status === 'restarting')) return
    for (const child of children) if (child.status === 'down') this.abandon(child)
  }

  private hold({ spec, policy }: Child): Cell {
    const cell = this.owner.cell.holdChild(spec.start, spec.id)
    if (!policy.isOtps) cell.guardWith(policy)
    return cell
  }

  private abandon(child: Child): void {
    child.cell?.abandon({ type: 'shutdown' })
    child.cell = null
  }

  /** A child that did not end as it was asked to has lost work, and nobody else will say so. */
  private reportBadEnd(child: Child, reason: ExitReason): void {
    if (this.owner.revoked || reason.type === 'normal' || reason.type === 'shutdown') return
    if (reason.type === 'killed' && child.spec.shutdownMs === 'brutal-kill') return
    const how =
      reason.type === 'killed' ? `was killed after its ${child.spec.shutdownMs} ms to stop` : 'failed while it stopped'
    this.owner.log.log('warn', `${this.owner.path}: child ${child.spec.id} ${how}`, {
      child: child.spec.id,
      ...(reason.type === 'error' && { error: reason.error }),
    })
  }

  private endedError(): RuntimeError {
    return new RuntimeError('ACTOR_STOPPED', `${this.owner.path} has ended and starts no children`)
  }
}

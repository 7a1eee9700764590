import { RuntimeError, toError } from '../base/errors.ts'
import type { Behavior, Stopped } from '../kernel/behavior.ts'
import type { Cell, ChildExited, StartResult } from '../kernel/cell.ts'
import type { Context } from '../kernel/context.ts'
import type { ActorRef, ExitReason, ReplyTo } from '../kernel/types.ts'
import { answerTo } from './answering.ts'
import type { ChildCounts, DynamicChildInfo, DynamicChildStatus, StartDynamicChildResult } from './dynamic-messages.ts'
import { behaviorFor, type CheckedDynamic } from './dynamic-specification.ts'
import { failureIn, isDueAgain } from './exits.ts'
import { FailurePolicy } from './failure-policy.ts'
import { FailureStreak } from './failure-streak.ts'
import type { TerminateChildResult } from './messages.ts'
import { RestartWindow } from './restart-window.ts'
import { gaveUp } from './supervision.ts'

/** Who asked for a start waits here for its outcome. */
type Starter = ReplyTo<StartDynamicChildResult<never>>

export class DynamicChild {
  readonly cell: Cell
  readonly policy: FailurePolicy
  status: DynamicChildStatus = 'starting'
  /** Until its first start has ended. */
  starter: Starter | null
  /** Made with its first failure. */
  streak: FailureStreak | null = null
  failure: Error | null = null

  constructor(cell: Cell, policy: FailurePolicy, starter: Starter) {
    this.cell = cell
    this.policy = policy
    this.starter = starter
  }
}

/** Told by the supervisor to itself: a start ended otherwise than well. Not dealt with in the turn of the child's cell. */
export class StartEnded {
  readonly child: DynamicChild
  readonly result: StartResult
  constructor(child: DynamicChild, result: StartResult) {
    this.child = child
    this.result = result
  }
}

/** Told by the supervisor to itself: a child has rested. */
export class Rested {
  readonly child: DynamicChild
  constructor(child: DynamicChild) {
    this.child = child
  }
}

/**
 * The children of one incarnation of a dynamic supervisor. Nothing here waits: a child that starts or stops tells when it
 * has, so none holds up another. What a method answers is the supervisor's wish to end, or null.
 *
 *                 start             failed, due again
 *     starting ───────────▶ up ───────────────────────▶ restarting (rests, starts)
 *        │ failed, ignored   │ ended, not due again         │ failed: through the mailbox, counted
 *        ▼                   ▼                              ▼
 *     forgotten ◀──────────────────────── stopping ◀── terminate, from any of them
 */
export class DynamicChildren {
  private readonly spec: CheckedDynamic
  private readonly context: Context
  private readonly window: RestartWindow
  private readonly children = new Map<Cell, DynamicChild>()
  /** Of every child, where there is nothing to decide. */
  private readonly otps: FailurePolicy | null

  constructor(spec: CheckedDynamic, context: Context) {
    this.spec = spec
    this.context = context
    this.window = new RestartWindow(spec.intensity, spec.periodMs)
    const { decider, attempts } = spec.child
    this.otps = decider === null && attempts === 1 ? new FailurePolicy(context, '*', null, 1) : null
  }

  start(args: unknown, starter: Starter): void {
    if (this.children.size >= this.spec.maxChildren) {
      answerTo(this.context, starter, { ok: false, error: 'max-children' })
      return
    }
    let behavior: Behavior<never>
    try {
      behavior = behaviorFor(this.spec, args)
    } catch (thrown) {
      answerTo(this.context, starter, { ok: false, error: 'start-failed', cause: toError(thrown) })
      return
    }
    const cell = this.context.cell.holdChild(behavior, null)
    const child = new DynamicChild(cell, this.otps ?? this.policyOf(cell), starter)
    this.children.set(cell, child)
    this.begin(child)
  }

  startEnded({ child, result }: StartEnded): Stopped | null {
    if (this.children.get(child.cell) !== child) return null
    const isFirst = child.starter !== null
    this.answer(child, result)
    // Whoever stops it forgets it.
    if (child.status === 'stopping') return null
    if (isFirst || result.type !== 'failed') {
      this.forget(child)
      return null
    }
    child.failure = result.error
    const decision = child.policy.ofFailedStart(result.error)
    if (decision.type === 'escalate') throw decision.error
    return decision.type === 'stop' ? this.leave(child) : this.restart(child)
  }

  exited({ child: cell, incarnation, reason }: ChildExited): Stopped | null {
    const child = this.children.get(cell)
    if (child === undefined || child.status !== 'up' || cell.incarnation !== incarnation) return null
    child.failure = failureIn(reason, cell.path)
    const decision = child.policy.ofCrash()
    if (decision.type === 'escalate') {
      this.report('error', child, 'takes its supervisor with it')
      throw decision.error
    }
    if (decision.type !== 'stop' && isDueAgain(this.spec.child.restart, reason)) return this.restart(child)
    if (reason.type === 'error' || reason.type === 'killed') return this.leave(child)
    this.forget(child)
    return null
  }

  rested({ child }: Rested): null {
    if (this.children.get(child.cell) === child && child.status === 'restarting') this.begin(child)
    return null
  }

  terminate(ref: ActorRef<never>, replyTo: ReplyTo<TerminateChildResult>): void {
    const child = this.children.get(ref as unknown as Cell)
    if (child === undefined) {
      answerTo(this.context, replyTo, { ok: false, error: 'not-found' })
      return
    }
    this.context.timers.cancel(child.cell.name)
    child.status = 'stopping'
    const { shutdownMs } = this.spec.child
    void child.cell.shutdown(shutdownMs === 0 ? 'brutal-kill' : shutdownMs).then(reason => {
      // The ask has failed with the supervisor.
      if (this.context.revoked) return
      if (isLate(reason, this.spec)) this.report('warn', child, `was killed after its ${shutdownMs} ms to stop`)
      if (this.children.has(child.cell)) this.forget(child)
      answerTo(this.context, replyTo, { ok: true })
    })
  }

  /** All at once, under one timer. */
  async stopAll(): Promise<void> {
    const cells = [...this.children.keys()]
    const { shutdownMs } = this.spec.child
    const brutally = shutdownMs === 'brutal-kill' || shutdownMs === 0
    const cancel =
      typeof shutdownMs === 'number' && !brutally
        ? this.context.clock.after(shutdownMs, () => this.killAll(cells))
        : null
    await Promise.all(cells.map(cell => cell.shutdown(brutally ? 'brutal-kill' : 'infinity')))
    cancel?.()
    for (const cell of cells) cell.abandon({ type: 'shutdown' })
  }

  count(): ChildCounts {
    const counts = { all: this.children.size, starting: 0, up: 0, restarting: 0, stopping: 0 }
    for (const { status } of this.children.values()) counts[status]++
    return counts
  }

  list(): readonly DynamicChildInfo<never>[] {
    return Array.from(this.children.values(), ({ cell, status }) => ({ ref: cell, status }))
  }

  private policyOf(cell: Cell): FailurePolicy {
    const { decider, attempts } = this.spec.child
    const policy = new FailurePolicy(this.context, cell.name, decider, attempts)
    cell.guardWith(policy)
    return policy
  }

  private begin(child: DynamicChild): void {
    child.policy.begin()
    // Answers in the middle of the cell's turn, in which nothing may be done to the cell.
    child.cell.startThen(result => {
      const { revoked, cell } = this.context
      if (revoked || cell.isClosed) return
      if (result.type === 'started') this.started(child)
      else cell.tell(new StartEnded(child, result))
    })
  }

  private started(child: DynamicChild): void {
    if (child.status !== 'stopping') child.status = 'up'
    child.streak?.ran(this.context.clock.monotonicMs())
    this.answer(child, { type: 'started' })
  }

  private answer(child: DynamicChild, result: StartResult): void {
    const { starter, cell } = child
    if (starter === null) return
    child.starter = null
    if (result.type === 'failed')
      answerTo(this.context, starter, { ok: false, error: 'start-failed', cause: result.error })
    else answerTo(this.context, starter, { ok: true, ref: result.type === 'started' ? cell : null })
  }

  /** Every try counts, those that follow a failed one too. */
  private restart(child: DynamicChild): Stopped | null {
    const { context, spec } = this
    const nowMs = context.clock.monotonicMs()
    if (!this.window.admit(nowMs)) return this.giveUp(child)
    child.status = 'restarting'
    const { backoff } = spec.child
    if (backoff === null) {
      this.report('warn', child, 'is restarted')
      this.begin(child)
      return null
    }
    child.streak ??= new FailureStreak()
    const restMs = child.streak.restMs(nowMs, context.random, backoff)
    this.report('warn', child, `is restarted after ${Math.round(restMs)} ms`)
    context.timers.start(child.cell.name, new Rested(child), { afterMs: restMs })
    return null
  }

  private giveUp(child: DynamicChild): Stopped {
    const { context, spec } = this
    const limit = `more than ${spec.intensity} restarts within ${spec.periodMs} ms`
    this.report('error', child, `is not restarted: the supervisor gives up after ${limit}`)
    const text = `${context.path} gave up after ${limit}, the last of child ${child.cell.name}`
    return gaveUp(new RuntimeError('SUPERVISOR_INTENSITY_REACHED', text, { cause: child.failure ?? undefined }))
  }

  /** It failed, and does not come back. */
  private leave(child: DynamicChild): null {
    this.report('warn', child, 'is not restarted')
    this.forget(child)
    return null
  }

  private forget(child: DynamicChild): void {
    const { cell } = child
    this.children.delete(cell)
    cell.abandon({ type: 'shutdown' })
    const error = new RuntimeError('ACTOR_STOPPED', `${cell.path} was stopped while it started`)
    this.answer(child, { type: 'failed', error })
  }

  private killAll(cells: readonly Cell[]): void {
    const late = cells.filter(cell => !cell.isAtRest)
    for (const cell of late) cell.kill()
    const { log, path } = this.context
    log.log('warn', `${path}: ${late.length} children were killed after their ${this.spec.child.shutdownMs} ms to stop`)
  }

  private report(level: 'warn' | 'error', { cell, failure }: DynamicChild, what: string): void {
    this.context.log.log(level, `${this.context.path}: child ${cell.name} ${what}`, {
      child: cell.name,
      error: failure ?? undefined,
    })
  }
}

const isLate = (reason: ExitReason, { child }: CheckedDynamic): boolean =>
  reason.type === 'killed' && typeof child.shutdownMs === 'number' && child.shutdownMs > 0

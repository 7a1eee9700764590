import { RuntimeError, shown, toError } from '../base/errors.ts'
import type { Context } from '../kernel/context.ts'
import type { CrashGuard, CrashVerdict } from '../kernel/crash-guard.ts'
import { promiseIn } from '../kernel/thenable.ts'

/**
 * What a supervisor does about a failure: restarts the child as its restart type says; lets it keep its state and go on
 * with the next message; leaves it down; fails itself, so that its own supervisor decides.
 */
export type Directive = 'restart' | 'resume' | 'stop' | 'escalate'

/**
 * Chooses by the error what a supervisor does about a child that crashed, or whose restart failed. Called once for each, in
 * the middle of the crash: a plain function that neither waits nor throws. **Errors**: one that throws, or answers anything
 * but a directive, fails its supervisor with SUPERVISION_FAILED. `'resume'` is `'restart'` where nothing can be resumed: a
 * handler that timed out, a start, an actor of the runtime itself (a supervisor, an event-sourced actor).
 */
export type Decider = (error: Error, childId: string) => Directive

const DIRECTIVES: readonly unknown[] = ['restart', 'resume', 'stop', 'escalate'] satisfies Directive[]

/** What was decided, with the error to fail with where that is to escalate. */
export type Decision =
  | { readonly type: 'restart' | 'resume' | 'stop' }
  | { readonly type: 'escalate'; readonly error: RuntimeError }

const RESTART: Decision = { type: 'restart' }

/** The decisions of one supervisor about one child. */
export class FailurePolicy implements CrashGuard {
  readonly attempts: number
  private readonly decider: Decider | null
  private readonly childId: string
  private readonly owner: Context
  /** About the crash whose end the supervisor has not handled yet. */
  private pending: Decision = RESTART

  constructor(owner: Context, childId: string, decider: Decider | null, attempts: number) {
    this.owner = owner
    this.childId = childId
    this.decider = decider
    this.attempts = attempts
  }

  /** Nothing is decided here: then the child's cell need not ask. */
  get isOtps(): boolean {
    return this.decider === null && this.attempts === 1
  }

  crashed(error: Error, canResume: boolean): CrashVerdict {
    const decision = this.decide(error)
    if (decision.type === 'resume' && canResume) {
      const { log, path } = this.owner
      log.log('warn', `${path}: child ${this.childId} goes on after a message failed`, { child: this.childId, error })
      return 'resume'
    }
    this.pending = decision.type === 'resume' ? RESTART : decision
    return this.pending.type === 'restart' ? 'restart' : 'end'
  }

  /** A new incarnation: what was decided about the one before counts no more. */
  begin(): void {
    this.pending = RESTART
  }

  /** What was decided about the crash that ended the child. */
  ofCrash(): Decision {
    return this.pending
  }

  /** About a restart that failed. */
  ofFailedStart(error: Error): Decision {
    const decision = this.decide(error)
    return decision.type === 'resume' ? RESTART : decision
  }

  private decide(error: Error): Decision {
    if (this.decider === null) return RESTART
    let directive: unknown
    try {
      directive = this.decider(error, this.childId)
    } catch (thrown) {
      return { type: 'escalate', error: this.deciderFailed(error, 'threw over', toError(thrown)) }
    }
    if (!DIRECTIVES.includes(directive)) return { type: 'escalate', error: this.noDirective(error, directive) }
    if (directive !== 'escalate') return { type: directive as 'restart' | 'resume' | 'stop' }
    const text = `${this.owner.path} escalates the failure of child ${this.childId}`
    return { type: 'escalate', error: new RuntimeError('SUPERVISION_ESCALATED', text, { cause: error }) }
  }

  private noDirective(error: Error, answer: unknown): RuntimeError {
    const promise = promiseIn(answer)
    // Its rejection would end the process.
    promise?.catch(rejected =>
      this.owner.log.log('error', `${this.owner.path}: the decider's promise failed`, { error: toError(rejected) }),
    )
    const what = promise === null ? shown(answer) : 'a promise'
    return this.deciderFailed(error, `answered ${what}, which is no directive, about`, error)
  }

  private deciderFailed(error: Error, what: string, cause: Error): RuntimeError {
    const text = `${this.owner.path}: the decider for child ${this.childId} ${what} its failure (${error.message})`
    return new RuntimeError('SUPERVISION_FAILED', text, { cause })
  }
}

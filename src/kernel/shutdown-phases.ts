import { checkOptions } from '../base/bounds.ts'
import { RuntimeError, toError } from '../base/errors.ts'
import type { Logger } from '../base/logger.ts'
import type { Clock } from '../base/ports.ts'
import type { ExitReason } from './types.ts'

/** The phases of a system's end, unless `shutdownPhases` says otherwise. After the last one the actors stop. */
export const SHUTDOWN_PHASES = [
  /** Take nothing new: close servers, leave consumer groups. */
  'stop-accepting',
  /** Let what was taken come to its end. */
  'drain',
  /** Write out what is buffered. */
  'flush',
] as const

/** A phase of a system that says nothing else, in this order. */
export type ShutdownPhase = (typeof SHUTDOWN_PHASES)[number]

/** `signal` aborts when the task's time is over: nothing waits for it any more. */
export type ShutdownTask = (reason: ExitReason, signal: AbortSignal) => unknown

/** How long a phase waits for a task, and its name. **Errors**: RangeError for less than 0 and other options. */
export interface ShutdownTaskOptions {
  /** How long the phase waits for the task. Default: 5,000. */
  readonly timeoutMs?: number
  /** Names the task in the log. Default: the function's name. */
  readonly name?: string
}

const DEFAULT_TIMEOUT_MS = 5_000

interface PlannedTask {
  readonly name: string
  readonly run: ShutdownTask
  readonly timeoutMs: number
}

/**
 * What is to be done, in order, before the actors of a system stop. The tasks of a phase run at the same time, begun in
 * the order they were added; the next phase begins when each has settled or its time is over. A task that throws or hangs
 * is logged and keeps nothing from running.
 */
export class ShutdownPhases {
  private readonly names: readonly string[]
  private readonly clock: Clock
  private readonly logger: Logger
  /** Those that have not begun, in order. */
  private readonly coming: Map<string, Set<PlannedTask>>

  constructor(names: readonly string[], clock: Clock, logger: Logger) {
    if (new Set(names).size < names.length)
      throw new RangeError(`shutdown phases must have different names, not ${names.join(', ')}`)
    this.clock = clock
    this.logger = logger
    this.coming = new Map(names.map(name => [name, new Set()]))
    this.names = names
  }

  private get isEmpty(): boolean {
    for (const tasks of this.coming.values()) if (tasks.size > 0) return false
    return true
  }

  add(phase: string, run: ShutdownTask, options: ShutdownTaskOptions): () => void {
    if (!this.names.includes(phase))
      throw new RangeError(`no shutdown phase ${JSON.stringify(phase)}: there are ${this.names.join(', ')}`)
    const tasks = this.coming.get(phase)
    if (tasks === undefined)
      throw new RuntimeError('SYSTEM_TERMINATED', `shutdown phase ${phase} has begun, and takes no more tasks`)
    checkOptions('the options of a shutdown task', options, ['timeoutMs', 'name'])
    const { timeoutMs = DEFAULT_TIMEOUT_MS, name = run.name } = options
    if (!(timeoutMs >= 0)) throw new RangeError(`timeoutMs of a shutdown task must be at least 0, not ${timeoutMs}`)
    const task = { name: name === '' ? 'unnamed task' : name, run, timeoutMs }
    tasks.add(task)
    return () => tasks.delete(task)
  }

  /** Runs what is planned, and takes no more. Never rejects; null: nothing was planned. */
  run(reason: ExitReason): Promise<void> | null {
    if (!this.isEmpty) return this.runAll(reason)
    this.coming.clear()
    return null
  }

  private async runAll(reason: ExitReason): Promise<void> {
    for (const [phase, tasks] of this.coming) {
      this.coming.delete(phase)
      await Promise.all([...tasks].map(task => this.runTask(phase, task, reason)))
    }
  }

  private runTask(phase: string, task: PlannedTask, reason: ExitReason): Promise<void> {
    return new Promise(resolve => {
      const abort = new AbortController()
      const cancel = this.clock.after(task.timeoutMs, () => {
        this.report(phase, task, `has not settled within ${task.timeoutMs} ms; the shutdown goes on without it`)
        resolve()
        abort.abort()
      })
      const settled = (): void => {
        cancel()
        resolve()
      }
      // In an async function, so that a task that throws at once is one that rejects.
      const running = (async () => task.run(reason, abort.signal))()
      running.then(settled, thrown => {
        this.report(phase, task, 'failed', toError(thrown))
        settled()
      })
    })
  }

  private report(phase: string, task: PlannedTask, what: string, error?: Error): void {
    this.logger.log('error', `shutdown phase ${phase}: ${task.name} ${what}`, { phase, task: task.name, error })
  }
}

import { type Executor, systemExecutor } from '../base/ports.ts'

/**
 * Turns of the event loop that a test may hold up. Unless held they run by themselves, as they do in production; held,
 * they wait until `step`, `run` or `release`: that is a stalled event loop.
 *
 * **Order**: what is to run `soon` before what is to run `later`, each in the order it came.
 */
export class VirtualTurns implements Executor {
  private readonly soonTasks: (() => void)[] = []
  private readonly laterTasks: (() => void)[] = []
  private held = false
  private readonly runSoon = (): void => {
    if (!this.held) this.soonTasks.shift()?.()
  }
  private readonly runLater = (): void => {
    if (!this.held) this.laterTasks.shift()?.()
  }

  soon(task: () => void): void {
    this.soonTasks.push(task)
    if (!this.held) systemExecutor.soon(this.runSoon)
  }

  later(task: () => void): void {
    this.laterTasks.push(task)
    if (!this.held) systemExecutor.later(this.runLater)
  }

  /** Turns that wait. */
  get pending(): number {
    return this.soonTasks.length + this.laterTasks.length
  }

  get isHeld(): boolean {
    return this.held
  }

  /** From now on nothing runs by itself. */
  hold(): void {
    this.held = true
  }

  /** What waits runs by itself again, in its order. */
  release(): void {
    if (!this.held) return
    this.held = false
    for (let left = this.soonTasks.length; left > 0; left--) systemExecutor.soon(this.runSoon)
    for (let left = this.laterTasks.length; left > 0; left--) systemExecutor.later(this.runLater)
  }

  /** Runs the next turn now; false: none waits. */
  step(): boolean {
    const task = this.soonTasks.shift() ?? this.laterTasks.shift()
    task?.()
    return task !== undefined
  }

  /** Runs turns now until none waits, and says how many. What they leave to promises runs afterwards. */
  run(): number {
    let ran = 0
    while (this.step()) ran++
    return ran
  }
}

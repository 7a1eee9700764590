import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Experiment, Outcome } from './laboratory-child.ts'

/** It did not end in its time: an endless loop, or tests that wait for what does not come. */
export const TIMED_OUT = 'timed out'
/** The process of the tests is gone. */
export const DIED = 'died'

/**
 * A process that stays and runs tests on changed sources, one change after the other. What does not end is killed with all
 * the processes that it has started, and the next run has a new one.
 */
export class Laboratory implements AsyncDisposable {
  private child: ChildProcess | null = null
  /** Whatever tests that are killed leave behind. */
  private readonly folder = mkdtempSync(join(tmpdir(), 'troupe-mutants-'))

  constructor() {
    process.once('exit', this.clear)
  }

  async run(experiment: Experiment, timeoutMs: number): Promise<Outcome | typeof TIMED_OUT | typeof DIED> {
    this.child ??= await this.start()
    const { child } = this
    let timer: NodeJS.Timeout | undefined
    const outcome = await new Promise<Outcome | typeof TIMED_OUT | typeof DIED>(resolve => {
      timer = setTimeout(resolve, timeoutMs, TIMED_OUT)
      child.once('message', outcome => resolve(outcome as Outcome))
      child.once('exit', () => resolve(DIED))
      child.send(experiment)
    })
    clearTimeout(timer)
    child.removeAllListeners()
    if (typeof outcome === 'string') await this.end()
    return outcome
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end()
    process.off('exit', this.clear)
    this.clear()
  }

  private async start(): Promise<ChildProcess> {
    const child = fork(fileURLToPath(new URL('laboratory-child.ts', import.meta.url)), {
      execArgv: ['--import', 'tsx'],
      // A group of its own, by which the tests' processes end, too.
      detached: true,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      env: { ...process.env, TMPDIR: this.folder },
    })
    await Promise.race([once(child, 'message'), once(child, 'exit').then(died)])
    child.removeAllListeners()
    return child
  }

  private async end(): Promise<void> {
    const { child } = this
    this.child = null
    if (child === null) return
    const gone = child.exitCode !== null || child.signalCode !== null ? null : once(child, 'exit')
    kill(child)
    await gone
  }

  /** Also where the process ends in the middle of a run. */
  private readonly clear = (): void => {
    if (this.child !== null) kill(this.child)
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** With all that it has started. */
const kill = ({ pid }: ChildProcess): void => {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    // Its group is gone already.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

const died = ([code]: unknown[]): never => {
  throw new Error(`the process of the tests ended with ${String(code)} before it could run any`)
}

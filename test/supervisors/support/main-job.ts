/** Runs of the main job as processes of their own. */

import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { vi } from 'vitest'
import type { Summary } from '../../../supervisors/main/summary.ts'
import type { OutLine } from './sample.ts'

// Processes and flushes take their time on a machine that has other things to do as well.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 })

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface MainJob {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  /** Resolves once it has said `text`, on either output; rejects when it ends without. */
  said(text: string): Promise<void>
}

export const startMain = (main: string, args: readonly string[], cwd?: string): MainJob => {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'], cwd })
  let stdout = ''
  let stderr = ''
  const listeners = new Set<() => void>()
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    for (const listener of listeners) listener()
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
    for (const listener of listeners) listener()
  })
  const ended = new Promise<Ended>(resolve =>
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr })),
  )
  return {
    child,
    ended,
    said: text =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!(stdout + stderr).includes(text)) return
          listeners.delete(look)
          resolve()
        }
        listeners.add(look)
        look()
        void ended.then(() => reject(new Error(`it ended without saying "${text}": ${stdout}${stderr}`)))
      }),
  }
}

export const runMain = (main: string, args: readonly string[], cwd?: string): Promise<Ended> =>
  startMain(main, args, cwd).ended

/** The object on the last line of standard output. */
export const summaryIn = ({ stdout }: Ended): Summary => JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')

export const linesIn = (file: string): readonly OutLine[] =>
  readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))

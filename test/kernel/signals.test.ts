import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'

const CHILD = fileURLToPath(new URL('signals-child.ts', import.meta.url))

const children: ChildProcess[] = []
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** Starts the child; `said` resolves when it has written that line. */
const start = (mode: string) => {
  const child = spawn(process.execPath, ['--import', 'tsx', '-C', 'troupe-source', CHILD, mode], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  let written = ''
  const waiting: (() => void)[] = []
  child.stdout.on('data', chunk => {
    written += chunk
    for (const look of waiting) look()
  })
  const said = (line: string): Promise<void> =>
    new Promise(resolve => {
      const look = (): void => {
        if (written.includes(`${line}\n`)) resolve()
      }
      waiting.push(look)
      look()
    })
  const exited = new Promise<Exit>(resolve => child.on('exit', (code, signal) => resolve({ code, signal })))
  return { child, said, exited }
}

test('a process whose system hears signals ends by itself when its shutdown is done', async () => {
  const { child, said, exited } = start('done')
  await said('up')
  child.kill('SIGTERM')
  await said('drained')
  expect(await exited).toEqual({ code: 0, signal: null })
})

test('a second signal ends the process, though a shutdown task hangs', async () => {
  for (const [first, second] of [
    ['SIGTERM', 'SIGINT'],
    ['SIGINT', 'SIGTERM'],
  ] as const) {
    const { child, said, exited } = start('hang')
    await said('up')
    child.kill(first)
    await said('drained')
    child.kill(second)
    expect(await exited).toEqual({ code: null, signal: second })
  }
})

import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const CHILD = fileURLToPath(new URL('main-child.ts', import.meta.url))

interface Run {
  readonly code: number | null
  readonly out: string[]
  readonly err: string[]
}

/** Runs the program to its end; one that says `up` gets the signal, if there is one. */
const run = (mode: string, signal: NodeJS.Signals | null = null): Promise<Run> => {
  const child = spawn(process.execPath, ['--import', 'tsx', '-C', 'troupe-source', CHILD, mode])
  let out = ''
  let err = ''
  child.stdout.on('data', chunk => {
    out += chunk
    if (signal !== null && out === 'up\n') child.kill(signal)
  })
  child.stderr.on('data', chunk => {
    err += chunk
  })
  return new Promise(resolve => {
    child.on('close', code => resolve({ code, out: out.trimEnd().split('\n'), err: err.trimEnd().split('\n') }))
  })
}

test('a main system that ends by escalation stops in order, says the whole chain, and its program fails', async () => {
  const { code, out, err } = await run('gives-up')
  expect(code).toBe(1)
  expect(out).toEqual([
    'up',
    'stop b error',
    'stop a shutdown',
    'flushed shutdown',
    'stop other shutdown',
    'ended shutdown',
  ])
  const inner = '/shop/contexts/risk gave up after more than 0 restarts within 5000 ms, the last of child b'
  expect(err.slice(-3)).toEqual([
    'error /shop/contexts gave up; the system terminates: ' +
      '/shop/contexts gave up after more than 0 restarts within 5000 ms, the last of child risk',
    `  caused by SUPERVISOR_INTENSITY_REACHED: ${inner}`,
    '  caused by Error: no tariff for b',
  ])
})

test('so does the program of one whose top-level supervisor cannot start', async () => {
  const { code, out, err } = await run('start-fails')
  expect([code, out.at(-1)]).toEqual([1, 'ended error'])
  expect(err.slice(-3)).toEqual([
    'error /shop/contexts gave up; the system terminates: /shop/contexts: child risk did not start',
    '  caused by ACTOR_START_FAILED: /shop/contexts/risk: child b did not start',
    '  caused by Error: no tariff',
  ])
})

test('an exit code that the program has set stays', async () => {
  expect((await run('has-code')).code).toBe(7)
})

test('a system that is not the main one leaves the exit code alone', async () => {
  const { code, out } = await run('host')
  expect([code, out.at(-1)]).toEqual([0, 'ended shutdown'])
})

test('a main system that is terminated, by hand or by a signal, is no failure', async () => {
  for (const signal of [null, 'SIGTERM', 'SIGINT'] as const) {
    const { code, out, err } = await run(signal === null ? 'orderly' : 'signal', signal)
    expect([code, out.at(-1), err]).toEqual([0, 'ended normal', ['']])
  }
})

import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type BuiltPackage, buildPackage } from '../support/built.ts'
import { type Ended, runMain, startMain } from '../support/main-job.ts'
import { quotable } from '../support/sample.ts'
import { newFolder } from '../support/stores.ts'

let built: BuiltPackage
beforeAll(() => {
  built = buildPackage()
})
afterAll(() => built.remove())

/** Serves until it is told to stop; what it said and how it ended come back. */
const served = async (args: readonly string[], use: (url: string) => Promise<void>): Promise<Ended> => {
  const job = startMain(built.main, ['--serve', '0', '--limit', '20', ...args], newFolder('serving'))
  let said = ''
  job.child.stdout!.on('data', (text: string) => {
    said += text
  })
  await job.said('until it is told to stop')
  await use(/serving (http:\S+) until/.exec(said)![1]!)
  job.child.kill('SIGTERM')
  return job.ended
}

const lastOf = async (url: string): Promise<number> => {
  const current = await fetch(`${url}/streams/policy-marketplace/current`)
  expect(current.headers.get('cache-control')).toContain('no-cache')
  return ((await current.json()) as { to: number }).to
}

test.each(['memory', 'lmdb:store'])(
  'the main job on %s serves what it has done, and goes on, until it is stopped',
  async journal => {
    const ended = await served(['--journal', journal], async url => {
      const accepted = await fetch(`${url}/applications`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(quotable({ applicationId: 'by-http' })),
      })
      expect(accepted.status).toBe(202)
      const { position } = (await accepted.json()) as { position: string }
      const processes = await fetch(`${url}/applications/by-http/process?after=${position}`)
      expect(processes.status).toBe(200)
      const quotes = await fetch(`${url}/processes?step=ended&limit=500`)
      expect(((await quotes.json()) as { rows: unknown[] }).rows.length).toBeGreaterThanOrEqual(20)
      // Four events for each of the 20, and so for the one that came by HTTP.
      await expect.poll(() => lastOf(url), { timeout: 10_000 }).toBeGreaterThanOrEqual(80)
      const page = await fetch(`${url}/streams/policy-marketplace/previous/1-20`)
      expect(((await page.json()) as { events: unknown[] }).events).toHaveLength(20)
    })
    expect(ended.code).toBe(0)
    expect(ended.stdout).toContain('20 applications')
  },
)

test('the main job serves other machines only who has a token, each within its scopes, and names them in the audit', async () => {
  const file = join(newFolder('tokens'), 'tokens.json')
  const tokens = [
    { token: 'reader-0123456789abcdef', scopes: ['read'], name: 'reader' },
    { token: 'broker-0123456789abcdef', scopes: ['submit'], name: 'broker 7' },
  ]
  writeFileSync(file, JSON.stringify(tokens))
  const bearing = (nr: number) => ({ authorization: `Bearer ${tokens[nr]!.token}` })
  const ended = await served(['--journal', 'memory', '--host', '0.0.0.0', '--tokens', file], async said => {
    const url = said.replace('0.0.0.0', '127.0.0.1')
    const submit = (headers: Record<string, string>) =>
      fetch(`${url}/applications`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(quotable({ applicationId: 'by-http' })),
      })
    const read = (path: string, headers: Record<string, string>) => fetch(url + path, { headers })
    expect((await submit({})).status).toBe(401)
    expect((await submit(bearing(0))).status).toBe(403)
    const accepted = await submit(bearing(1))
    expect(accepted.status).toBe(202)
    const { position } = (await accepted.json()) as { position: string }
    const trace = await read(`/applications/by-http/trace?after=${position}`, bearing(0))
    const { records } = (await trace.json()) as { records: { principal: string }[] }
    expect(new Set(records.map(({ principal }) => principal))).toEqual(new Set(['broker 7']))
    expect((await read('/streams/policy-marketplace/current', {})).status).toBe(401)
    const current = await read('/streams/policy-marketplace/current', bearing(0))
    expect([current.status, current.headers.get('cache-control')]).toEqual([200, 'private, no-cache'])
  })
  expect(ended.code).toBe(0)
})

test('a store that is begun anew leaves nothing of its views', async () => {
  const folder = newFolder('fresh')
  const at = ['--journal', `lmdb:${join(folder, 'store')}`]
  expect((await served(at, async () => undefined)).code).toBe(0)
  expect(readdirSync(folder).sort()).toEqual(['store', 'store-views'])
  expect((await runMain(built.main, [...at, '--fresh', '--limit', '1'], folder)).code).toBe(0)
  expect(readdirSync(folder)).toEqual(['store'])
})

test.each([
  ['no JSON', 'secret-0123456789abcdef', /it must be JSON: give a list/],
  ['nothing', '[]', /at least one token/],
  [
    'a scope that is none',
    '[{"token":"secret-0123456789abcdef","scopes":["all"]}]',
    /entry 1: scopes: give some of read/,
  ],
  ['a token as a name', '[{"secret-0123456789abcdef":"read"}]', /entry 1: /],
  ['a short token', '[{"token":"secret","scopes":[]}]', /at least 16 characters/],
  ['a token twice', JSON.stringify(new Array(2).fill({ token: 'secret-0123456789abcdef', scopes: [] })), /twice/],
])(
  'a file of tokens with %s is refused before anything is done, and nothing of it is repeated',
  async (_, text, says) => {
    const folder = newFolder('tokens')
    writeFileSync(join(folder, 'tokens.json'), text)
    const ended = await runMain(built.main, ['--serve', '0', '--tokens', 'tokens.json'], folder)
    expect(ended.code).toBe(2)
    expect(ended.stderr).toMatch(says)
    expect(ended.stderr).not.toContain('secret')
    expect(readdirSync(folder)).toEqual(['tokens.json'])
  },
)

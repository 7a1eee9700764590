import { afterAll, beforeAll, expect, test } from 'vitest'
import { type BuiltPackage, buildPackage } from '../support/built.ts'
import { type Ended, startMain } from '../support/main-job.ts'
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

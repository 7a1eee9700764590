import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RedisServer, startRedisServer } from './support/redis-server.ts'

const root = join(import.meta.dirname, '..')
const guide = readFileSync(join(root, 'docs/guide.md'), 'utf8')
const run = promisify(execFile)

interface Program {
  readonly title: string
  readonly source: string
  /** What stands below it. */
  readonly prints: string
}

/** Each `ts` block with the `text` block that must follow it, by the heading above. */
const programs: readonly Program[] = [
  ...guide.matchAll(
    /^## (?<title>.*)$(?:(?!^## )[\s\S])*?^```ts\n(?<source>[\s\S]*?)^```\n+```text\n(?<prints>[\s\S]*?)^```/gm,
  ),
].map(({ groups }) => ({ title: '', source: '', prints: '', ...groups }))

let folder: string
let redis: RedisServer
beforeAll(async () => {
  // Inside the package, so that `troupe` is this very package.
  mkdirSync(join(root, '.tmp'), { recursive: true })
  folder = mkdtempSync(join(root, '.tmp/guide-'))
  for (const [index, { source }] of programs.entries()) {
    mkdirSync(join(folder, `${index}`))
    writeFileSync(join(folder, `${index}/program.mts`), source)
  }
  redis = await startRedisServer()
})
afterAll(async () => {
  await redis.stop()
  rmSync(folder, { recursive: true, force: true })
})

describe('the guide', () => {
  it('has a program in every chapter that the others build on, and none that this test does not see', () => {
    expect(programs.map(({ title }) => title)).toHaveLength(guide.match(/^```ts$/gm)?.length ?? 0)
    expect(guide.match(/^```/gm)).toHaveLength(4 * programs.length)
    expect(new Set(programs.map(({ title }) => title)).size).toBe(programs.length)
    expect(programs.length).toBeGreaterThan(10)
  })

  it('has programs that compile with the strictest settings', { timeout: 60_000 }, async () => {
    const settings = { extends: '../../tsconfig.json', compilerOptions: { rootDir: root }, include: ['*/program.mts'] }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(settings))
    const tsc = join(root, 'node_modules/typescript/bin/tsc')
    const { stdout } = await run(process.execPath, [tsc, '-p', folder]).catch((error: { stdout: string }) => error)
    expect(stdout).toBe('')
  })

  it.each(programs.map(({ title }, index) => ({ title, index })))(
    'has a program under “$title” that prints what it says',
    { timeout: 60_000 },
    async ({ index }) => {
      const tsx = createRequire(import.meta.url).resolve('tsx')
      const args = ['--conditions=troupe-source', '--import', tsx, 'program.mts']
      const env = { ...process.env, REDIS_URL: redis.url }
      const { stdout } = await run(process.execPath, args, { cwd: join(folder, `${index}`), env, timeout: 50_000 })
      expect(stdout).toBe(programs[index]?.prints)
    },
  )

  it('says of every code of a RuntimeError what it means, once', () => {
    const source = readFileSync(join(root, 'src/base/errors.ts'), 'utf8')
    const union = /export type ErrorCode =([\s\S]*?)\n\nexport/.exec(source)?.[1] ?? ''
    const codes = [...union.matchAll(/'([A-Z_]+)'/g)].map(([, code]) => code)
    const explained = [...guide.matchAll(/^\| `([A-Z_]+)` \| .+ \| .+ \|$/gm)].map(([, code]) => code)
    expect(codes.length).toBeGreaterThan(30)
    expect(explained.toSorted()).toEqual(codes.toSorted())
  })
})

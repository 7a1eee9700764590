import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { type BuiltPackage, buildPackage } from '../supervisors/support/built.ts'
import { newFolder } from '../supervisors/support/stores.ts'

vi.setConfig({ hookTimeout: 90_000 })

let built: BuiltPackage
let folder: string
beforeAll(() => {
  built = buildPackage()
  folder = join(dirname(built.main), '../../..')
})
afterAll(() => built.remove())

/** Runs `text` as a file of the built package, where `troupe` is that package. */
const run = (file: string, text: string, ...args: readonly string[]) => {
  mkdirSync(join(folder, 'programs'), { recursive: true })
  const path = join(folder, 'programs', file)
  writeFileSync(path, text)
  const { stdout, stderr, status } = spawnSync(process.execPath, [path, ...args], { encoding: 'utf8' })
  return { stdout, stderr, status }
}

const folders = ['', '/lib', '/lib/persistence', '/lib/monitoring']
const files = ['index', 'paths', 'references', 'system-map', 'actor', 'persistence/index', 'monitoring/monitoring']
const specifiers = [...folders, ...files.flatMap(file => [`/lib/${file}`, `/lib/${file}.js`])].map(
  door => `troupe/nact${door}`,
)

const program = `
  const system = start({ name: 'shop' })
  const counter = spawn(system, (count = 0, by, { sender }) => {
    dispatch(sender, count + by)
    return count + by
  }, 'counter')
  dispatch(counter, 40)
  query(counter, 2, 1_000).then(count => {
    console.log(count, applyOrThrowIfStopped(counter, actor => actor.stopped), String(counter.path))
    stop(system)
  })
`

it('a CommonJS program requires it, without a flag and without a warning', () => {
  const text = `
    const { start, spawn, dispatch, query, stop } = require('troupe/nact')
    const { applyOrThrowIfStopped } = require('troupe/nact/lib/system-map')
    for (const each of ${JSON.stringify(specifiers)}) if (Object.keys(require(each)).length === 0) throw new Error(each)
    if (require('troupe/nact/lib').spawn !== spawn) throw new Error('two copies')
    ${program}`
  expect(run('program.cjs', text)).toEqual({ stdout: '42 false shop://counter\n', stderr: '', status: 0 })
})

it('a module imports it, and shares the systems with what is required', () => {
  const text = `
    import { createRequire } from 'node:module'
    import { start, spawn, dispatch, query, stop } from 'troupe/nact'
    const { applyOrThrowIfStopped } = createRequire(import.meta.url)('troupe/nact/lib/system-map')
    for (const each of ${JSON.stringify(specifiers)}) if (Object.keys(await import(each)).length === 0) throw new Error(each)
    ${program}`
  expect(run('program.mjs', text)).toEqual({ stdout: '42 false shop://counter\n', stderr: '', status: 0 })
})

it('a module imports it as a whole, as it does nact', () => {
  const text = `
    import nact from 'NAME'
    console.log(Object.keys(nact).filter(name => name !== 'configureLogging').toSorted().join())
    nact.stop(nact.start())`
  const [ours, lib, theirs] = ['troupe/nact', 'troupe/nact/lib', 'nact'].map(name =>
    run('whole.mjs', text.replace('NAME', name)),
  )
  expect([ours, lib]).toEqual([theirs, theirs])
  expect(theirs?.stderr).toBe('')
})

it('needs no other package: not nact, and no driver', () => {
  const alone = newFolder('alone')
  const home = join(alone, 'node_modules/troupe')
  mkdirSync(home, { recursive: true })
  cpSync(join(folder, 'package.json'), join(home, 'package.json'))
  cpSync(join(folder, 'dist/src'), join(home, 'dist/src'), { recursive: true })
  const path = join(alone, 'program.cjs')
  writeFileSync(path, "console.log(typeof require('troupe/nact').spawn)")
  const { stdout, stderr } = spawnSync(process.execPath, [path], { encoding: 'utf8' })
  rmSync(alone, { recursive: true })
  expect([stdout, stderr]).toEqual(['function\n', ''])
})

it('the process ends by itself once the system has stopped', () => {
  const text = `
    const { start, spawn, stop } = require('troupe/nact')
    const system = start()
    spawn(system, state => state, 'a', { shutdownAfter: 3_600_000 })
    setTimeout(() => stop(system), 20)`
  const started = performance.now()
  expect(run('ends.cjs', text)).toEqual({ stdout: '', stderr: '', status: 0 })
  expect(performance.now() - started).toBeLessThan(10_000)
})

it('the steps of docs/nact.md run one after the other on one store', () => {
  const guide = readFileSync(join(import.meta.dirname, '../../docs/nact.md'), 'utf8')
  const programs = [...guide.matchAll(/^```js\n([\s\S]*?)^```/gm)].map(([, text]) => text ?? '')
  const store = newFolder('steps')
  const outputs = programs.map((text, i) => run(`step-${i}.mjs`, text, store))
  rmSync(store, { recursive: true })
  expect(outputs.map(({ stdout, stderr }) => [stdout, stderr])).toEqual([
    ['500\n', ''],
    ['750\n', ''],
  ])
})

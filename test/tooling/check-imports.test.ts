// Each rule of scripts/check-imports.mjs, by a tree that breaks it and nothing else.
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, expect, test } from 'vitest'

const script = join(import.meta.dirname, '../../scripts/check-imports.mjs')
const trees: string[] = []

afterEach(() => {
  for (const tree of trees.splice(0)) rmSync(tree, { recursive: true })
})

const manifest = {
  name: 'troupe',
  exports: { '.': './dist/src/index.js', './lmdb': './dist/src/adapters/lmdb/index.js' },
  dependencies: { ioredis: '*', lmdb: '*', msgpackr: '*', valibot: '*' },
}

/** A tree in order, and the files of the case on top of it. */
const check = (files: Record<string, string>): { status: number | null; lines: string[] } => {
  const root = mkdtempSync(join(tmpdir(), 'imports-'))
  trees.push(root)
  const all: Record<string, string> = {
    'package.json': JSON.stringify(manifest),
    'src/index.ts': `export { cell } from './kernel/cell.ts'\n`,
    'src/base/ports.ts': 'export const now = (): number => Date.now()\n',
    'src/kernel/cell.ts': `import { now } from '../base/ports.ts'\nexport const cell = now()\n`,
    'src/adapters/lmdb/index.ts': `import { open } from 'lmdb'\nexport const store = open\n`,
    'actors/risk.ts': `import { cell } from 'troupe'\nimport * as v from 'valibot'\nexport const risk = [cell, v]\n`,
    'supervisors/main.ts': `import { store } from 'troupe/lmdb'\nimport { risk } from '../actors/risk.ts'\nexport const main = [store, risk]\n`,
    ...files,
  }
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  const run = spawnSync(process.execPath, [script, root], { encoding: 'utf8' })
  expect(run.stderr).toBe('')
  return { status: run.status, lines: run.stdout.trimEnd().split('\n') }
}

test('passes a tree in order', () => {
  expect(check({})).toEqual({ status: 0, lines: ['imports: 6 files in order'] })
})

const broken: [rule: string, path: string, text: string, line: string][] = [
  [
    'a folder imports one below it in the house',
    'src/kernel/cell.ts',
    `export const cell = 1\n\nexport { x } from '../persistence/journal.ts'\n`,
    'src/kernel/cell.ts:3: direction: ../persistence/journal.ts: kernel must not import persistence',
  ],
  [
    'a type-only import goes the wrong way',
    'src/kernel/cell.ts',
    `import type {\n  X,\n} from '../persistence/journal.ts'\nexport const cell = (x: X) => x\n`,
    'src/kernel/cell.ts:1: direction: ../persistence/journal.ts: kernel must not import persistence',
  ],
  [
    'an import inside a function goes the wrong way',
    'src/kernel/cell.ts',
    `export const cell = async () => {\n  return import('../feed/page.ts')\n}\n`,
    'src/kernel/cell.ts:2: direction: ../feed/page.ts: kernel must not import feed',
  ],
  [
    'the testkit imports more than contracts',
    'src/testkit/suite.ts',
    `import '../adapters/lmdb/index.ts'\n`,
    'src/testkit/suite.ts:1: direction: ../adapters/lmdb/index.ts: testkit must not import adapters',
  ],
  [
    'a file lies in a folder that the house does not have',
    'src/utils/all.ts',
    'export {}\n',
    "src/utils/all.ts:1: direction: src/utils is no room of the house: add it to the list in DESIGN's order",
  ],
  [
    'src imports from outside src',
    'src/kernel/extra.ts',
    `import { risk } from '../../actors/risk.ts'\nexport const x = risk\n`,
    'src/kernel/extra.ts:1: direction: ../../actors/risk.ts: src imports only src',
  ],
  [
    'src imports the package by its name',
    'src/feed/page.ts',
    `import { cell } from 'troupe'\nexport const x = cell\n`,
    'src/feed/page.ts:1: direction: troupe: src names its own files, not the door that is made of them',
  ],
  [
    'a folder imports the main door',
    'src/feed/page.ts',
    `import { cell } from '../index.ts'\nexport const x = cell\n`,
    'src/feed/page.ts:1: direction: ../index.ts: feed must not import the door that stands on it',
  ],
  [
    'a driver is named outside src/adapters',
    'src/feed/page.ts',
    `import type { Redis } from 'ioredis'\nexport type R = Redis\n`,
    'src/feed/page.ts:1: direction: ioredis: ioredis is named only under src/adapters/',
  ],
  [
    'a supervisor names a driver',
    'supervisors/store.ts',
    `import { pack } from "msgpackr/pack"\nexport const x = pack\n`,
    'supervisors/store.ts:1: direction: msgpackr/pack: msgpackr is named only under src/adapters/',
  ],
  [
    'a package is used that users do not get',
    'src/testkit/probe.ts',
    `import { test } from 'vitest'\nexport const x = test\n`,
    'src/testkit/probe.ts:1: direction: vitest: vitest is no dependency that users install',
  ],
  [
    'an actor goes past the door',
    'actors/premium.ts',
    `import { cell } from '../src/kernel/cell.ts'\nexport const x = cell\n`,
    'actors/premium.ts:1: direction: ../src/kernel/cell.ts: actors import only actors, the package and npm packages',
  ],
  [
    'an actor imports its supervisor',
    'actors/premium.ts',
    `import { main } from '../supervisors/main.ts'\nexport const x = main\n`,
    'actors/premium.ts:1: direction: ../supervisors/main.ts: actors import only actors, the package and npm packages',
  ],
  [
    'an actor uses a subpath that is no door',
    'actors/premium.ts',
    `import { cell } from 'troupe/kernel/cell.js'\nexport const x = cell\n`,
    'actors/premium.ts:1: direction: troupe/kernel/cell.js: "./kernel/cell.js" is not among the exports of package.json',
  ],
  [
    'a supervisor goes past the door',
    'supervisors/tree.ts',
    `import { cell } from '../src/kernel/cell.ts'\nexport const x = cell\n`,
    'supervisors/tree.ts:1: direction: ../src/kernel/cell.ts: supervisors import only supervisors, actors and the package',
  ],
  [
    'src names insurance',
    'src/feed/page.ts',
    '// a premium, in a comment, is an example\nexport const latestPremiumCents = 1\n',
    'src/feed/page.ts:2: domain: latestPremiumCents: src never names insurance',
  ],
  [
    'a string of src names insurance',
    'src/feed/page.ts',
    `export const topic = 'underwriting'\n`,
    'src/feed/page.ts:1: domain: underwriting: src never names insurance',
  ],
  [
    'a file of src is named after insurance',
    'src/feed/tariff-page.ts',
    'export {}\n',
    'src/feed/tariff-page.ts:1: domain: tariff-page: src never names insurance',
  ],
]

test.each(broken)('reports that %s', (_rule, path, text, line) => {
  expect(check({ [path]: text })).toEqual({ status: 1, lines: [line] })
})

const worldly: [expression: string, named: string][] = [
  ['Date.now()', 'Date.now'],
  ['new Date()', 'new Date()'],
  ['Math.random()', 'Math.random'],
  ['performance.now()', 'performance.now'],
  ['process.hrtime.bigint()', 'process.hrtime'],
  ['crypto.randomUUID()', 'randomUUID'],
  ['setTimeout(run, 1)', 'setTimeout'],
  ['globalThis.setInterval(run, 1)', 'setInterval'],
  ['{ later: setImmediate }', 'setImmediate'],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the text of a program
  ['`at ${Date.now()}`', 'Date.now'],
]
const asking = worldly.map(([expression], i) => `export const x${i} = ${expression}\n`).join('')

test.each(['src/kernel/x.ts', 'actors/x.ts', 'supervisors/x.ts'])(
  'reports time and chance without a port in %s',
  path => {
    const { status, lines } = check({ [path]: asking })
    expect(lines).toEqual(
      worldly.map(
        ([, named], i) => `${path}:${i + 1}: ports: ${named}: only src/base asks the world, take it from the ports`,
      ),
    )
    expect(status).toBe(1)
  },
)

test('lets base, the command line and the inspector ask the world', () => {
  expect(check({ 'src/base/x.ts': asking, 'src/cli/x.ts': asking, 'src/inspector/x.ts': asking }).status).toBe(0)
})

test('passes what only looks like a call to the world', () => {
  const text = [
    '// Date.now() and setTimeout(run, 1)',
    '/* Math.random() */',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the text of a program
    "export const texts = ['Date.now()', `setTimeout() ${1 + 1} performance.now()`, /setImmediate('x')/]",
    "export const quote = /['\"`]/.test('') ? 4 / 2 : 'Math.random()' // an apostrophe: it's fine",
    'export const own = clock => clock.setTimeout(() => undefined)',
    'export let timer: ReturnType<typeof setTimeout>',
    'export const at = new Date(0)',
  ]
  expect(check({ 'src/kernel/x.ts': `${text.join('\n')}\n` }).lines).toEqual(['imports: 7 files in order'])
})

test('passes imports that stand in texts and comments', () => {
  const text = `// import x from 'ioredis'\nexport const shown = "import x from 'lmdb'" + \`\nimport x from 'msgpackr'\n\`\n`
  expect(check({ 'src/feed/x.ts': text }).status).toBe(0)
})

test('reports a package that the main door reaches, with the way to it', () => {
  const { status, lines } = check({
    'src/kernel/cell.ts': `export * from './inner.ts'\nexport const cell = 1\n`,
    'src/kernel/inner.ts': `export interface A {\n  a: number\n}\nexport { object } from 'valibot'\n`,
  })
  expect(status).toBe(1)
  expect(lines).toEqual([
    'src/kernel/inner.ts:4: door: the main door must not load valibot: src/index.ts > src/kernel/cell.ts > src/kernel/inner.ts',
  ])
})

test('reports an adapter that the main door reaches, and lets it name its types', () => {
  const typed = `export { cell } from './kernel/cell.ts'\nexport type { store } from './adapters/lmdb/index.ts'\n`
  expect(check({ 'src/index.ts': typed }).status).toBe(0)
  const { status, lines } = check({ 'src/index.ts': typed.replace('export type', 'export') })
  expect(status).toBe(1)
  expect(lines).toEqual(['src/index.ts:2: door: the main door must not load src/adapters/lmdb/index.ts: src/index.ts'])
})

test('reports a cycle of imports once, and none that exists only in types or is lazy', () => {
  const ring = (back: string): Record<string, string> => ({
    'src/kernel/a.ts': `import { b } from './b.ts'\nexport const a = () => b\n`,
    'src/kernel/b.ts': `import { c } from './c.ts'\nexport const b = () => c\n`,
    'src/kernel/c.ts': back,
  })
  const { status, lines } = check(ring(`import { a } from './a.ts'\nexport const c = () => a\n`))
  expect(status).toBe(1)
  expect(lines).toEqual([
    'src/kernel/a.ts:1: cycle: import cycle: src/kernel/a.ts > src/kernel/b.ts > src/kernel/c.ts > src/kernel/a.ts',
  ])
  expect(check(ring(`import type { a } from './a.ts'\nexport type C = typeof a\nexport const c = 1\n`)).status).toBe(0)
  expect(check(ring(`export const c = () => import('./a.ts')\n`)).status).toBe(0)
  // Under verbatimModuleSyntax this one is built to `import {}`, which loads the file.
  expect(check(ring(`import { type a } from './a.ts'\nexport type C = typeof a\nexport const c = 1\n`)).status).toBe(1)
})

test('lets the command line and the inspector know everything', () => {
  const text = `import '../adapters/lmdb/index.ts'\nimport '../nact/x.ts'\nimport '../index.ts'\n`
  expect(check({ 'src/cli/a.ts': text, 'src/inspector/a.ts': text, 'src/nact/x.ts': 'export {}\n' }).status).toBe(0)
})

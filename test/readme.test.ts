import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const root = join(import.meta.dirname, '..')

it('the example in the README runs as printed', async () => {
  const readme = await readFile(join(root, 'README.md'), 'utf8')
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1]
  expect(example).toBeDefined()
  // Inside the package, so that `troupe` is this very package.
  await mkdir(join(root, '.tmp'), { recursive: true })
  const folder = await mkdtemp(join(root, '.tmp', 'readme-'))
  try {
    const file = join(folder, 'example.mts')
    await writeFile(file, example ?? '')
    const args = ['--conditions=troupe-source', '--import', 'tsx', file]
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { cwd: root })
    expect(stdout).toBe('2\n500\n')
    expect(stderr).toBe('')
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

const pages = async (): Promise<readonly string[]> => [
  'README.md',
  ...(await readdir(join(root, 'docs'))).map(page => `docs/${page}`),
]

it('the pages link to what is there', async () => {
  for (const page of await pages()) {
    const text = await readFile(join(root, page), 'utf8')
    const links = [...text.matchAll(/\]\((?!https?:)([^)#]*)[^)]*\)/g)].map(([, path]) => path ?? '')
    const broken = links.filter(path => !existsSync(join(root, path === '' ? page : join(dirname(page), path))))
    expect(broken, page).toEqual([])
  }
})

it('the README lists every page of the documentation', async () => {
  const readme = await readFile(join(root, 'README.md'), 'utf8')
  const listed = [...readme.matchAll(/^\| \[(docs\/[^\]]*)\]/gm)].map(([, page]) => page)
  expect(['README.md', ...listed].toSorted()).toEqual((await pages()).toSorted())
})

it('every promise names the tests that show it', async () => {
  const text = await readFile(join(root, 'docs/promises.md'), 'utf8')
  const [promises = '', table = ''] = text.split('## The tests that show it')
  const named = [...table.matchAll(/^\| ([^|]*?: [^|]*?|[A-Z][^|]*?) \| (.*) \|$/gm)]
  for (const [, promise, tests] of named) expect(tests, promise).toMatch(/\]\(\.\.\/test\/[^)]*\.test\.ts\)/)
  let section = ''
  const made = promises.split('\n').flatMap(line => {
    section = /^## (.*)/.exec(line)?.[1] ?? section
    return [...line.matchAll(/(?:^|\. )\*\*([A-Z][^*]*?)\.?\*\*/g)].map(([, name]) => `${section}: ${name}`)
  })
  const shown = new Set(named.map(([, promise]) => promise))
  expect(made.length).toBeGreaterThan(30)
  expect(made.filter(promise => !shown.has(promise))).toEqual([])
})

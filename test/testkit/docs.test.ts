import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')
const page = await readFile(join(root, 'docs/testkit.md'), 'utf8')
const examples = [...page.matchAll(/```ts\n([\s\S]*?)```/g)].map(match => match[1] as string)

/** What each prints, in the order of the page. */
const PRINTED = [
  /^60000\n$/,
  /^\[ \{ type: 'told', to: '\/guest', message: 'hello' \} \] 1\n12\n$/,
  /pass 1\n[\s\S]*fail 0/,
  /^50\n$/,
]

test('has an example for each that is run here', () => {
  expect(examples).toHaveLength(PRINTED.length)
})

test.each(PRINTED.map((printed, i) => [i + 1, printed] as const))(
  'example %i of docs/testkit.md compiles and prints what the page says',
  async (nr, printed) => {
    await mkdir(join(root, '.tmp'), { recursive: true })
    const folder = await mkdtemp(join(root, '.tmp', 'testkit-'))
    try {
      const file = join(folder, 'example.mts')
      await writeFile(file, examples[nr - 1] as string)
      const config = { extends: '../../tsconfig.json', include: ['example.mts'] }
      await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(config))
      await run(join(root, 'node_modules/typescript/bin/tsc'), '-p', folder)
      expect(await run('--conditions=troupe-source', '--import', 'tsx', file)).toMatch(printed)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  },
  60_000,
)

const run = async (...args: readonly string[]): Promise<string> => {
  // Not as a part of the runner that runs this.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  try {
    return (await promisify(execFile)(process.execPath, [...args], { cwd: root, env })).stdout
  } catch (error) {
    const { stdout, stderr } = error as { readonly stdout: string; readonly stderr: string }
    throw new Error(`${args.join(' ')}\n${stdout}${stderr}`)
  }
}

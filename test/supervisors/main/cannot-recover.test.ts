import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { silentLogger } from 'troupe'
import { lmdbJournal } from 'troupe/lmdb'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { logKey } from '../../../src/adapters/lmdb/keys.ts'
import { readOptions } from '../../../supervisors/main/options.ts'
import { run } from '../../../supervisors/main/run.ts'
import type { Summary } from '../../../supervisors/main/summary.ts'
import { intoTable } from '../../adapters/lmdb/lmdb-store.ts'
import { golden } from '../support/sample.ts'
import { newFolder } from '../support/stores.ts'
import '../support/marketplaces.ts'

let folder: string
let path: string
beforeEach(async () => {
  folder = newFolder('main')
  path = join(folder, 'store')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** One at a time, so that a block holds little beside what is looked for. */
const ran = async (limit: number, ...others: readonly string[]): Promise<{ summary: Summary; said: string }> => {
  const args = ['--journal', `lmdb:${path}`, '--concurrency', '1', '--limit', String(limit), ...others]
  let said = ''
  const output = {
    write: (text: string) => {
      said += text
    },
  }
  try {
    return { summary: await run(readOptions(args)!, output, silentLogger, new AbortController().signal), said }
  } catch (error) {
    throw Object.assign(error as Error, { said })
  }
}

const failureOf = async (job: Promise<unknown>): Promise<Error & { readonly said: string }> => {
  const outcome: unknown = await job.catch((error: unknown) => error)
  return outcome instanceof Error ? (outcome as Error & { readonly said: string }) : expect.fail('it did not fail')
}

/** Flips a bit in the block that holds the first record of an id. */
const corrupt = async (persistenceId: string): Promise<void> => {
  const journal = lmdbJournal({ path })
  await journal.open()
  let position = 0
  for await (const append of journal.read(persistenceId, 1)) {
    position = append.position
    break
  }
  await journal.close()
  await intoTable(path, 'log', async table => {
    let at = position
    while (table.getBinary(logKey(0, at)) === undefined) at--
    const block = Buffer.from(table.getBinary(logKey(0, at))!)
    block[block.length >> 1]! ^= 4
    await table.put(logKey(0, at), block)
  })
}

it('ends where one application cannot be read: the others are dealt with, and the error names it and why', async () => {
  await ran(20)
  const { id } = golden[7]!
  await corrupt(`application|${id}`)
  const out = join(folder, 'out.jsonl')
  const failure = await failureOf(ran(40, '--out', out))
  expect(failure).toMatchObject({ name: 'UnfinishedError' })
  expect(failure.message).toMatch(
    new RegExp(
      `^1 application not finished[\\s\\S]*\\n {2}${id}: application\\|${id} cannot be read: [\\s\\S]*checksum`,
    ),
  )
  expect(failure.said).toContain('20 decided in this run')
  expect(existsSync(out)).toBe(false)
})

it('ends where a region cannot be read, and says which', async () => {
  await ran(5)
  const journal = lmdbJournal({ path })
  await journal.open()
  const ids = (await journal.readLog(0, 1, 1_000)).map(({ persistenceId }) => persistenceId)
  await journal.close()
  const region = ids.find(id => id.startsWith('risk|')) ?? expect.fail('no region')
  await corrupt(region)
  expect(await failureOf(ran(40))).toMatchObject({
    code: 'RECOVERY_FAILED',
    message: expect.stringContaining(`${region} cannot be read`),
  })
})

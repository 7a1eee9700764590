import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, expect, it } from 'vitest'
import { lmdbJournal } from '../../../src/adapters/lmdb/index.ts'
import { isRuntimeError, type RuntimeError } from '../../../src/base/errors.ts'
import type { Append, Journal } from '../../../src/persistence/journal.ts'
import { written } from '../../persistence/journal-contract.ts'
import { lmdbStore } from './lmdb-store.ts'
import { IDS, numbered } from './writing-child.ts'

const cleanups: (() => unknown)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** A disk of 3 MB of the test's own; null where this user may not mount one. */
const smallDisk = (): string | null => {
  const folder = mkdtempSync(join(tmpdir(), 'troupe-disk-'))
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }))
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', folder])
  if (mounted.status !== 0) return null
  cleanups.push(() => spawnSync('umount', [folder]))
  return folder
}

const opened = async (path: string): Promise<Journal> => {
  const journal = lmdbJournal({ path })
  cleanups.push(() => journal.close().catch(() => undefined))
  await journal.open()
  return journal
}

const batch = (from: number): Append[] => Array.from({ length: 50 }, (_, i) => numbered(from + i))

const full = { code: 'JOURNAL_FULL', retryable: true, message: expect.stringContaining('Free space') }

const everythingUpTo = async (journal: Journal, end: number): Promise<void> => {
  expect(await journal.lastPosition(0)).toBe(end)
  const log = await journal.readLog(0, 1, end)
  expect(log.map(stored => stored.appendId)).toEqual(Array.from({ length: end }, (_, nr) => `append-${nr}`))
}

it('a full disk fails the append with JOURNAL_FULL, again and again, and the same append is written once there is room', async context => {
  const disk = smallDisk()
  if (disk === null) {
    console.warn('SKIPPED: no tmpfs may be mounted here, so nothing was seen of a full disk')
    return context.skip()
  }
  const filler = join(disk, 'filler')
  writeFileSync(filler, Buffer.alloc(1_048_576))
  const path = join(disk, 'store')
  const journal = await opened(path)
  let end = 0
  let refused: RuntimeError | null = null
  while (refused === null)
    try {
      await journal.commit(0, batch(end))
      end += 50
    } catch (error) {
      if (!isRuntimeError(error)) throw error
      refused = error
    }
  expect(refused).toMatchObject(full)
  expect(end).toBeGreaterThan(1_000)
  for (let i = 0; i < 200; i++) await expect(journal.commit(0, batch(end))).rejects.toMatchObject(full)
  const snapshot = { persistenceId: 'id-0', sequenceNr: 1, timeMs: 0, payload: 'x'.repeat(900_000) }
  await expect(journal.saveSnapshot(snapshot, 1)).rejects.toMatchObject(full)
  expect(statfsSync(disk).bavail).toBe(0)
  // What was acknowledged can be read all the while.
  await everythingUpTo(journal, end)
  rmSync(filler)
  expect(written(await journal.commit(0, batch(end)))[0]).toBe(`${end + 1}`)
  await journal.close()
  await everythingUpTo(await opened(path), end + 50)
})

it('a limit on the size of files ends in JOURNAL_FULL, and what was acknowledged is there after a restart', async () => {
  const store = lmdbStore()
  cleanups.push(() => store.remove())
  // A file may grow to 4 MB (512-byte blocks); the signal that would end the process is ignored.
  const child: ChildProcess = spawn(
    'sh',
    [
      '-c',
      `trap '' XFSZ; ulimit -f 8192; exec "$0" --import tsx "$1" "$2"`,
      process.execPath,
      `${import.meta.dirname}/writing-child.ts`,
      store.path,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  const ended = new Promise(resolve => child.once('close', resolve))
  cleanups.push(() => child.kill('SIGKILL'))
  let acknowledged = 0
  let errors = ''
  child.stderr!.on('data', (text: Buffer) => {
    errors += text
  })
  for await (const line of createInterface({ input: child.stdout! })) acknowledged = Number(line.replace('open ', ''))
  expect(await ended).toBe(1)
  expect(errors).toContain('JOURNAL_FULL')
  expect(acknowledged).toBeGreaterThan(1_000)
  const journal = await opened(store.path)
  await everythingUpTo(journal, acknowledged)
  expect(await journal.lastSequenceNr('id-0')).toBe(Math.ceil(acknowledged / IDS))
})

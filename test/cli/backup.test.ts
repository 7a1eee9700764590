/**
 * `troupe backup` beside the main job at work: the job comes to its end undisturbed, and each backup is a store from which
 * it goes on to the outcome of a run that nobody disturbed.
 */

import { spawn } from 'node:child_process'
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { Journal } from 'troupe'
import { lmdbJournal, lmdbViews } from 'troupe/lmdb'
import { redisJournal } from 'troupe/redis'
import { beforeAll, expect, it } from 'vitest'
import { append } from '../persistence/journal-contract.ts'
import { type BuiltPackage, buildPackage } from '../supervisors/support/built.ts'
import { type Ended, linesIn, runMain, startMain, summaryIn } from '../supervisors/support/main-job.ts'
import { kept } from '../supervisors/support/marketplaces.ts'
import { golden } from '../supervisors/support/sample.ts'
import { newFolder, newLmdbStore, newRedisStore } from '../supervisors/support/stores.ts'
import { expectWholeLog, recordsOf } from '../supervisors/support/whole-log.ts'

const COUNT = 2_000
const expected = golden.slice(0, COUNT)
const RECORDS = 1 + COUNT * 11

let built: BuiltPackage
let folder: string

beforeAll(() => {
  built = buildPackage()
  folder = newFolder('backups')
  return () => {
    built.remove()
    rmSync(folder, { recursive: true, force: true })
  }
})

const troupe = (...args: readonly string[]): Promise<Ended> =>
  runMain(join(built.main, '../../../src/cli/troupe.js'), args)

/** The number of records that a command says it has dealt with. */
const recordsIn = (ended: Ended): number => {
  expect(ended.code, ended.stderr).toBe(0)
  return JSON.parse(ended.stdout).totals.records
}

/** Begins a backup and kills it once its file is being written. */
const killedBackup = async (journal: string, file: string): Promise<void> => {
  const child = spawn(process.execPath, [join(built.main, '../../../src/cli/troupe.js'), 'backup', journal, file])
  const ended = new Promise(resolve => child.once('close', resolve))
  const partial = `${file}.${child.pid}.partial`
  while (!existsSync(partial) && child.exitCode === null) await sleep(1)
  child.kill('SIGKILL')
  await ended
  expect(child.signalCode).toBe('SIGKILL')
}

interface Case {
  readonly journal: string
  /** A place for what is restored, and how it is opened. */
  readonly other: string
  readonly openOther: () => Journal
  readonly stored: () => Promise<number>
}

const lmdb = async (): Promise<Case> => {
  const { path } = await kept(newLmdbStore())
  const other = join(folder, 'restored')
  const file = join(path, 'data.mdb')
  return {
    journal: `lmdb:${path}`,
    other: `lmdb:${other}`,
    openOther: () => lmdbJournal({ path: other }),
    stored: async () => (existsSync(file) ? statSync(file).size / 300 : 0),
  }
}

const redis = async (): Promise<Case> => {
  const { server } = await kept(newRedisStore(['--appendfsync everysec']))
  const other = `${server.url}?prefix=restored`
  return {
    journal: server.url,
    other,
    openOther: () => redisJournal({ url: other }),
    async stored() {
      const client = new Redis(server.port)
      const positions = (await client.keys('*state*')).map(key => client.hget(key, 'position'))
      const sum = (await Promise.all(positions)).reduce((total, position) => total + Number(position), 0)
      client.disconnect()
      return sum
    },
  }
}

it.each([
  ['LMDB', lmdb],
  ['Redis', redis],
])(
  'a store in %s is backed up while the main job works on it, and what is restored goes on to the same end',
  { timeout: 180_000 },
  async (name, make) => {
    const { journal, other, openOther, stored } = await make()
    const args = ['--limit', `${COUNT}`, '--json']
    // With few at once it takes longer than some backups, each of which is a process of its own.
    const job = startMain(built.main, [...args, '--journal', journal, '--concurrency', '4'])
    let over = false
    void job.ended.then(() => {
      over = true
    })
    while (!over && (await stored()) < RECORDS / 20) await sleep(5)
    const killed = join(folder, `${name}-killed`)
    await killedBackup(journal, killed)
    const taken: { readonly file: string; readonly records: number }[] = []
    while (!over) {
      const file = join(folder, `${name}-${taken.length}`)
      taken.push({ file, records: recordsIn(await troupe('backup', journal, file, '--json')) })
    }
    const done = await job.ended
    expect(done.code, done.stderr).toBe(0)
    expect(summaryIn(done)).toMatchObject({ applications: COUNT, thisRun: COUNT, restarts: 0, deadLetters: 0 })
    expect(recordsIn(await troupe('verify', journal, '--json'))).toBe(RECORDS)

    expect(readdirSync(folder).filter(each => each.startsWith(`${name}-killed`))).toEqual([
      expect.stringMatching(/\.partial$/),
    ])
    const midway = taken.filter(({ records }) => records < RECORDS)
    console.log(`${name}: backups of ${taken.map(({ records }) => records).join(', ')} of ${RECORDS} records`)
    expect(midway.length).toBeGreaterThan(0)
    for (const { file, records } of taken) expect(recordsIn(await troupe('verify', file, '--json'))).toBe(records)

    const { file, records } = midway[midway.length >> 1]!
    expect(recordsIn(await troupe('restore', file, other, '--json'))).toBe(records)
    const out = join(folder, `${name}.jsonl`)
    const again = await runMain(built.main, [...args, '--journal', other, '--out', out])
    expect(again.code, again.stderr).toBe(0)
    expect(linesIn(out)).toEqual(expected)
    const journalAfter = openOther()
    await journalAfter.open()
    const all = await recordsOf(journalAfter)
    await journalAfter.close()
    expectWholeLog(
      all,
      expected.map(({ id }) => id ?? ''),
    )
    expect(all).toHaveLength(RECORDS)
  },
)

/** A store of many records, of which some are deleted, dropped, and rolled out to `archive`. */
const forgetful = async (path: string, archive: string): Promise<void> => {
  const journal = lmdbJournal({ path, archive: { folder: archive, segmentBytes: 65_536 } })
  await journal.open()
  const note = 'n'.repeat(16_384)
  for (const id of ['kept', 'gone', 'last'])
    for (let nr = 0; nr < 1_000; nr += 50)
      await journal.commit(
        0,
        Array.from({ length: 50 }, (_, i) => ({ ...append(id, nr + i), records: [event(note)] })),
      )
  await journal.deleteTo!('gone', 1_000)
  const { archived, dropped } = await journal.rollOut!()
  expect(Math.min(archived, dropped)).toBeGreaterThan(10)
  await journal.close()
}

const event = (payload: string) => ({ kind: 'event' as const, type: 'Noted', version: 1, payload })

/** Runs the command and sends it a signal once `isDue`. */
const signalled = async (signal: NodeJS.Signals, isDue: (pid: number) => boolean, ...args: readonly string[]) => {
  const child = spawn(process.execPath, [join(built.main, '../../../src/cli/troupe.js'), ...args])
  const ended = new Promise<number | null>(resolve => child.once('close', resolve))
  let errors = ''
  child.stderr.on('data', text => {
    errors += text
  })
  while (!isDue(child.pid!) && child.exitCode === null) await sleep(1)
  child.kill(signal)
  return { code: await ended, signal: child.signalCode, errors }
}

it('leaves nothing behind where it is interrupted, and the next try goes through where it was killed', {
  timeout: 120_000,
}, async () => {
  const place = join(folder, 'interrupted')
  const [path, archive, file] = [join(place, 'store'), join(place, 'archive'), join(place, 'file')] as const
  await forgetful(path, archive)
  const stored = ['archive', 'store']
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    const backup = ['backup', `lmdb:${path}`, file, '--archive', archive]
    const ended = await signalled(signal, pid => existsSync(`${file}.${pid}.partial`), ...backup)
    expect(ended).toMatchObject({ code, errors: expect.stringContaining('nothing is left') })
    expect(readdirSync(place).sort()).toEqual(stored)
  }
  const missing = await troupe('backup', `lmdb:${path}`, file)
  expect(missing.stderr).toContain('JOURNAL_MISCONFIGURED')
  expect(readdirSync(place).sort()).toEqual(stored)
  const records = recordsIn(await troupe('backup', `lmdb:${path}`, file, '--archive', archive, '--json'))
  expect(records).toBeLessThan(3_000)

  const { server } = await kept(newRedisStore(['--appendfsync no']))
  const targets = [
    {
      to: `lmdb:${join(place, 'restored')}`,
      open: (options: object) => lmdbJournal({ path: join(place, 'restored'), ...options }),
    },
    { to: server.url, open: (options: object) => redisJournal({ url: server.url, ...options }) },
  ]
  for (const [i, { to, open }] of targets.entries()) {
    const files = join(place, `files${i}`)
    const restore = ['restore', file, to, '--archive', files] as const
    const filesThere = (count: number) => () => existsSync(files) && readdirSync(files).length >= count
    const interrupted = await signalled('SIGINT', filesThere(1), ...restore)
    expect(interrupted.code).toBe(130)
    expect(readdirSync(files)).toEqual([])
    const afterMs = 200 + Math.random() * 400
    console.log(`killed after ${afterMs} ms, and once a file is there`)
    const startedMs = Date.now()
    for (const isDue of [() => Date.now() - startedMs >= afterMs, filesThere(1)])
      expect(await signalled('SIGKILL', isDue, ...restore)).toMatchObject({ signal: 'SIGKILL' })
    expect(recordsIn(await troupe(...restore, '--json'))).toBe(records)
    expect(recordsIn(await troupe('verify', to, '--archive', files, '--json'))).toBe(records)
    const journal = open({ archive: { folder: files } })
    await journal.open()
    let read = 0
    for await (const _ of journal.read('kept', 1)) read++
    expect([read, await journal.lastSequenceNr('gone'), await journal.lastPosition(0)]).toEqual([1_000, 1_000, 3_000])
    await journal.close()
  }
})

it('says what is wrong on standard error, with a code for each kind', async () => {
  const { path } = await kept(newLmdbStore())
  const none = join(path, 'none')
  const usage = await troupe('backup', 'lmdb:x')
  expect([usage.code, usage.stdout]).toEqual([2, ''])
  expect(usage.stderr).toContain('troupe backup takes JOURNAL and FILE')
  expect((await troupe('burn', 'lmdb:x')).stderr).toContain('knows no command burn')
  expect((await troupe('backup', 'mysql://someone:secret@host', none)).stderr).not.toContain('secret')
  const missing = await troupe('backup', `lmdb:${none}`, join(path, 'file'))
  expect([missing.code, missing.stdout]).toEqual([1, ''])
  expect(missing.stderr).toContain('JOURNAL_MISCONFIGURED')
  expect(readdirSync(path)).toEqual([])
  const noBackup = await troupe('restore', import.meta.filename, `lmdb:${none}`)
  expect([noBackup.code, noBackup.stdout]).toEqual([1, ''])
  expect(noBackup.stderr).toContain('BACKUP_INVALID')
  expect(readdirSync(path)).toEqual([])
  const help = await troupe('--help')
  expect([help.code, help.stderr]).toEqual([0, ''])
  expect(await troupe('-h')).toEqual(help)
  expect(help.stdout).toContain('redis-cluster://')
  expect((await troupe('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  const folderNamed = await troupe('verify', path)
  expect([folderNamed.code, folderNamed.stderr]).toEqual([2, expect.stringContaining(`is named lmdb:${path}`)])
  const views = lmdbViews({ path: none })
  await views.open()
  await views.begin('sums', 1)
  await views.close()
  const viewsNamed = await troupe('verify', `lmdb:${none}`)
  expect([viewsNamed.code, viewsNamed.stderr]).toEqual([1, expect.stringContaining('holds views, and no store')])
  for (const command of ['backup', 'restore', 'verify']) expect(help.stdout).toContain(`troupe ${command} `)
})

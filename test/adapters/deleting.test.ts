import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, expect, it } from 'vitest'
import { silentLogger } from '../../src/base/logger.ts'
import { ActorSystem } from '../../src/kernel/system.ts'
import { entities } from '../../src/persistence/event-sourced-entities.ts'
import { EventStore } from '../../src/persistence/event-store.ts'
import type { Journal } from '../../src/persistence/journal.ts'
import { append, collect, written } from '../persistence/journal-contract.ts'
import { ledger } from '../persistence/support.ts'
import { type RedisServer, startRedisServer } from '../support/redis-server.ts'
import { journalAt } from './deleting-child.ts'

const folders: string[] = []
const servers: RedisServer[] = []
const opened: Journal[] = []

afterEach(async () => {
  for (const journal of opened.splice(0)) await journal.close()
  for (const server of servers.splice(0)) await server.stop()
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'troupe-deleting-'))
  folders.push(folder)
  return folder
}

const open = async (place: string): Promise<Journal> => {
  const journal = journalAt(place)
  opened.push(journal)
  await journal.open()
  return journal
}

/** What the child said of each id. */
interface Said {
  readonly deletedTo: Map<string, number>
  readonly mayBeDeletedTo: Map<string, number>
  readonly ended: Set<string>
  readonly mayBeEnded: Set<string>
  position: number
}

const note = (said: Said, line: string): void => {
  const [mark, what, id, to] = line.split(' ') as [string, string, string, string]
  const isDone = mark === '!'
  if (what === 'written') said.position = Number(id)
  else if (what === 'end') (isDone ? said.ended : said.mayBeEnded).add(id)
  else (isDone ? said.deletedTo : said.mayBeDeletedTo).set(id, Number(to))
}

/** Lets a child work on the store and kills it after so many lines, wherever it is then. */
const killedAfter = async (place: string, lines: number, said: Said): Promise<void> => {
  const script = `${import.meta.dirname}/deleting-child.ts`
  const child = spawn(process.execPath, ['--import', 'tsx', script, place], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise(resolve => child.once('exit', resolve))
  let left = lines
  for await (const line of createInterface({ input: child.stdout })) {
    note(said, line)
    if (--left === 0) child.kill('SIGKILL')
  }
  await ended
  expect(left).toBeLessThanOrEqual(0)
}

const isEnded = async (journal: Journal, id: string): Promise<boolean> => {
  try {
    await journal.lastSequenceNr(id)
    return false
  } catch (error) {
    expect(error).toMatchObject({ code: 'JOURNAL_TOMBSTONED' })
    return true
  }
}

/** Everything that was said to be deleted is, what may be is or is not, and nothing else. */
const check = async (journal: Journal, said: Said): Promise<void> => {
  expect(await journal.lastPosition(0)).toBeGreaterThanOrEqual(said.position)
  const log = new Map<string, number>()
  for (let from = 1; ; ) {
    const page = await journal.readLog(0, from, 1_000)
    const last = page.at(-1)
    if (last === undefined) break
    for (const { persistenceId, expectedSequenceNr } of page) log.set(persistenceId, expectedSequenceNr + 1)
    from = last.position + last.records.length
  }
  for (const [id, count] of log) {
    if (await isEnded(journal, id)) {
      expect(said.mayBeEnded).toContain(id)
      expect(written(await journal.commit(0, [append(id, count)]))).toEqual(['tombstoned'])
      continue
    }
    expect(said.ended).not.toContain(id)
    const stored = await collect(journal.read(id, 1))
    const deletedTo = stored[0]!.expectedSequenceNr
    expect(deletedTo).toBeGreaterThanOrEqual(said.deletedTo.get(id) ?? 0)
    expect(deletedTo).toBeLessThanOrEqual(said.mayBeDeletedTo.get(id) ?? 0)
    expect(stored.map(({ expectedSequenceNr }) => expectedSequenceNr)).toEqual(
      Array.from({ length: count - deletedTo }, (_, i) => deletedTo + i),
    )
  }
}

const places: readonly [name: string, make: () => Promise<string>][] = [
  ['LMDB', async () => `lmdb:${newFolder()}`],
  [
    'Redis',
    async () => {
      const server = await startRedisServer(['--appendfsync always'])
      servers.push(server)
      return server.url
    },
  ],
]

it.each(places)('what was deleted or ended stays so on %s after kill -9, again and again', async (_name, make) => {
  const place = await make()
  const said: Said = {
    deletedTo: new Map(),
    mayBeDeletedTo: new Map(),
    ended: new Set(),
    mayBeEnded: new Set(),
    position: 0,
  }
  for (const lines of [97, 331, 502]) {
    await killedAfter(place, lines, said)
    const journal = await open(place)
    await check(journal, said)
    await journal.close()
    // A store that was closed says the same as one that was killed.
    const again = await open(place)
    await check(again, said)
    await again.close()
  }
  expect(said.deletedTo.size).toBeGreaterThan(20)
  expect(said.ended.size).toBeGreaterThan(10)
})

it.each(places)(
  'an entity on %s loses the events that its snapshots cover, and is what it was',
  async (_name, make) => {
    const place = await make()
    const labels = Array.from({ length: 10 }, (_, i) => `${i + 1}`)
    for (const half of [labels.slice(0, 7), labels.slice(7)]) {
      const store = await EventStore.open(journalAt(place), { logger: silentLogger })
      const system = ActorSystem.start({ name: 'deleting' })
      const kind = entities(ledger({ every: 2, keep: 2, deleteEvents: true }), store)
      system.spawn(kind.behavior, { name: 'ledgers' })
      for (const label of half) {
        const known = await kind.ask('a', { type: 'add', label })
        expect(known).toEqual(labels.slice(0, Number(label)))
      }
      await system.terminate()
      await store.close()
    }
    const journal = await open(place)
    const [first] = await collect(journal.read('ledger|a', 1))
    expect(first!.expectedSequenceNr).toBeGreaterThanOrEqual(6)
    expect(await journal.lastSequenceNr('ledger|a')).toBe(10)
  },
)

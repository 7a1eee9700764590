/** What the `troupe` command does, a function for each word. */

import { statSync } from 'node:fs'
import { backUp } from '../adapters/backup/back-up.ts'
import type { BackupSummary } from '../adapters/backup/backup-format.ts'
import { Contents, type Totals } from '../adapters/backup/contents.ts'
import { verifyBackup } from '../adapters/backup/read-backup.ts'
import { restore } from '../adapters/backup/restore.ts'
import { systemClock } from '../base/ports.ts'
import { untilInterrupted } from './interruption.ts'
import { type NamedStore, storeNamed } from './stores.ts'

/** The command line is wrong; the text says how. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** What was done, for people and for programs. */
export interface Done {
  readonly text: string
  readonly fields: Readonly<Record<string, unknown>>
}

export interface Options {
  /** Where segments of the journal were rolled out to, or shall go; null: nowhere. */
  readonly archive: string | null
}

/** A command's name, its arguments as its usage shows them, and what it does with them. */
export interface Command {
  readonly args: readonly [first: string, ...others: string[]]
  readonly what: string
  run(options: Options, ...args: readonly string[]): Promise<Done>
}

const backup = async (options: Options, journal: string, file: string): Promise<Done> => {
  const store = await named(journal, options).read()
  try {
    const summary = await untilInterrupted(signal => backUp(store, file, systemClock.nowMs(), signal))
    return done(`backed up ${store.name} to ${file}`, summary)
  } finally {
    await store.close()
  }
}

const restored = async (options: Options, file: string, journal: string): Promise<Done> => {
  const { make } = named(journal, options)
  const summary = await untilInterrupted(signal => restore(file, make, systemClock.nowMs(), signal))
  return done(`restored ${file} to ${withoutCredentials(journal)}`, summary)
}

const verify = async ({ archive }: Options, what: string): Promise<Done> => {
  const found = storeNamed(what, archive)
  if (found === null && isFolder(what))
    throw new UsageError(`${what} is a folder, and a backup is a file. A store in a folder is named lmdb:${what}`)
  if (found === null) return done(`${what} is a good backup`, await verifyBackup(what))
  const store = await found.read()
  try {
    const contents = new Contents(store.name, store.partitions)
    for await (const entry of store.entries()) contents.add(entry)
    const totals = contents.end()
    return { text: `${store.name} is whole: ${inWords(totals)}`, fields: { name: store.name, totals } }
  } finally {
    await store.close()
  }
}

export const COMMANDS: Readonly<Record<string, Command>> = {
  backup: {
    args: ['JOURNAL', 'FILE'],
    what: 'writes a store to a file, as it is at this moment; its process may go on with it',
    run: backup as Command['run'],
  },
  restore: {
    args: ['FILE', 'JOURNAL'],
    what: 'makes a store of a backup, where there is none yet',
    run: restored as Command['run'],
  },
  verify: {
    args: ['JOURNAL|FILE'],
    what: 'reads all of a store, or of a backup, and says whether it is whole',
    run: verify as Command['run'],
  },
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true

const named = (text: string, { archive }: Options): NamedStore => {
  const store = storeNamed(text, archive)
  // What has an @ may have a password.
  const given = text.includes('@') ? 'that' : JSON.stringify(text)
  if (store === null)
    throw new UsageError(`${given} names no journal: give lmdb:DIR or redis://HOST:PORT[/DB][?prefix=NAME]`)
  return store
}

const done = (what: string, summary: BackupSummary): Done => {
  const { totals, bytes, digest, takenMs } = summary
  const taken = new Date(takenMs).toISOString()
  return {
    text: `${what}: ${inWords(totals)}; ${bytes.toLocaleString('en')} bytes, taken ${taken}, SHA-256 ${digest}`,
    fields: { ...summary },
  }
}

const inWords = ({ records, ids, blocks, snapshots, cursors, horizons, dropped, partitions }: Totals): string =>
  [
    counted(records, 'record'),
    counted(ids, 'id'),
    counted(blocks, 'block'),
    counted(snapshots, 'snapshot'),
    counted(cursors, 'cursor'),
    ...(horizons === 0 ? [] : [`${counted(horizons, 'id')} with something deleted`]),
    ...(dropped === 0 ? [] : [counted(dropped, 'dropped segment')]),
    counted(partitions, 'partition'),
  ].join(', ')

const counted = (count: number, what: string): string =>
  `${count.toLocaleString('en')} ${what}${count === 1 ? '' : 's'}`

const withoutCredentials = (journal: string): string => journal.replace(/\/\/[^@/]*@/, '//')

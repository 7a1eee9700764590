/**
 * A disk as a server's loss of power shows it: slow to flush, and without what was not flushed. A kill leaves what a
 * process has written to its files, since that is with the operating system; a loss of power does not.
 */

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface FlushedDisk {
  /** For the environment of a server that is to lie on it. */
  readonly env: Readonly<Record<string, string>>
  /** Cuts each file of a folder whose name ends so back to what was flushed. Nothing may have it open. Returns bytes lost. */
  losePower(folder: string, ending: string): number
  remove(): void
}

const SOURCE = fileURLToPath(new URL('./flushed-disk.c', import.meta.url))

export const hasCompiler = process.platform === 'linux' && spawnSync('cc', ['--version']).status === 0

/** Each flush takes `flushMs` longer than the real disk needs. **Errors**: where there is no C compiler. */
export const makeFlushedDisk = (flushMs: number): FlushedDisk => {
  const folder = mkdtempSync(join(tmpdir(), 'troupe-disk-'))
  const library = join(folder, 'flushed-disk.so')
  const notes = join(folder, 'flushed')
  const { status, stderr } = spawnSync('cc', ['-shared', '-fPIC', '-o', library, SOURCE, '-ldl'], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`flushed-disk.c was not compiled: ${stderr}`)
  return {
    env: { LD_PRELOAD: library, FLUSHED: notes, FLUSH_MS: `${flushMs}` },
    losePower: (where, ending) => {
      const flushed = sizesIn(notes)
      return readdirSync(where)
        .filter(file => file.endsWith(ending))
        .map(file => join(where, file))
        .map(path => {
          const { length } = readFileSync(path)
          const size = flushed.get(path) ?? 0
          truncateSync(path, size)
          return length - size
        })
        .reduce((sum, bytes) => sum + bytes, 0)
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** The newest of each path: a file that is only added to never gets shorter. */
const sizesIn = (notes: string): ReadonlyMap<string, number> =>
  new Map(
    (existsSync(notes) ? readFileSync(notes, 'utf8') : '')
      .split('\n')
      .filter(line => line !== '')
      .map(line => [line.slice(line.indexOf(' ') + 1), Number.parseInt(line, 10)] as const),
  )

/**
 * A small file beside the database that says: here a store was made. Without it an empty or missing database is a store
 * that is yet to be made, or one that was removed; with it, one that was lost.
 */

import { closeSync, existsSync, fsyncSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'

export const MARKER = 'store.made'

export const isMarked = (folder: string): boolean => existsSync(join(folder, MARKER))

/** Call it once the store can be opened. Durable when it returns, and with it the names of the other files there. */
export const mark = (folder: string): void => {
  const file = openSync(join(folder, MARKER), 'w')
  try {
    writeSync(file, 'A store of events was made in this folder; data.mdb belongs to it.\n')
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
  syncFolder(folder)
}

/** A folder's own entries reach the disk with it; Windows does so by itself, and lets nobody ask. */
export const syncFolder = (folder: string): void => {
  if (process.platform === 'win32') return
  const entries = openSync(folder, 'r')
  try {
    fsyncSync(entries)
  } finally {
    closeSync(entries)
  }
}

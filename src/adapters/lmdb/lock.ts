/**
 * One process at a time, held by the kernel: a name that is bound as long as the process lives, and is free the moment
 * it dies, however it dies. Nothing stale is ever left, and no pid has to be trusted.
 *
 * Linux: an abstract socket; Windows: a named pipe; elsewhere: a file opened with O_EXLOCK. The name is made of the
 * folder's device and inode, so every path to it is one. What it does not see: a process in another network namespace
 * (another container on the same volume); the epochs in the store fence that one.
 */

import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { RuntimeError } from '../../base/errors.ts'

export interface StoreLock {
  release(): Promise<void>
}

/**
 * Takes the lock of a folder, which is made if need be. **Errors**: JOURNAL_LOCKED, with the pid that holds it;
 * JOURNAL_MISCONFIGURED where there can be no such folder, or this user may not write to it.
 */
export const lockStore = async (folder: string): Promise<StoreLock> => {
  const { dev, ino } = makeFolder(folder)
  const ownerFile = join(folder, 'owner.pid')
  const free = await hold(`troupe-lmdb-${dev}-${ino}`, join(folder, 'owner.lock'))
  if (free === null)
    throw new RuntimeError(
      'JOURNAL_LOCKED',
      `${folder} is open in ${ownerOf(ownerFile)}. A store has one writer: stop that process, or give this one another folder.`,
    )
  try {
    writeFileSync(ownerFile, String(process.pid))
  } catch (error) {
    await free()
    throw unusable(folder, error)
  }
  return {
    async release() {
      rmSync(ownerFile, { force: true })
      await free()
    },
  }
}

const makeFolder = (folder: string): { readonly dev: bigint; readonly ino: bigint } => {
  try {
    mkdirSync(folder, { recursive: true })
    return statSync(folder, { bigint: true })
  } catch (error) {
    throw unusable(folder, error)
  }
}

const WHY: Readonly<Record<string, string>> = {
  EEXIST: 'it is a file',
  ENOTDIR: 'it is a file, or a part of its path is a file',
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'its disk can only be read',
  ENOSPC: 'its disk is full',
  ENAMETOOLONG: 'its name is too long',
}

/** What a system's error means for whoever named the folder: JOURNAL_MISCONFIGURED. */
export const unusable = (folder: string, error: unknown): RuntimeError => {
  const { code, message } = error as NodeJS.ErrnoException
  const why = WHY[code ?? ''] ?? message
  return new RuntimeError(
    'JOURNAL_MISCONFIGURED',
    `${folder} cannot be the folder of a store: ${why} (${code}). Name a folder that this user may make and write to.`,
    { cause: error },
  )
}

type Free = () => Promise<void>

const hold = (name: string, file: string): Promise<Free | null> => {
  if (process.platform === 'linux') return bind(`\0${name}`)
  if (process.platform === 'win32') return bind(`\\\\.\\pipe\\${name}`)
  return openExclusively(file)
}

const bind = (path: string): Promise<Free | null> =>
  new Promise((resolve, reject) => {
    const server: Server = createServer(connection => connection.destroy())
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(null)
      else reject(error)
    })
    // `exclusive`: in a cluster's worker the primary would bind it once for all of them otherwise.
    server.listen({ path, exclusive: true }, () => {
      server.unref()
      resolve(() => new Promise(closed => server.close(() => closed())))
    })
  })

/** BSD's open(2) flags, which Node passes on: lock the whole file for one, and fail at once where it is locked. */
const O_EXLOCK = 0x20
const O_NONBLOCK = 0x04
const O_RDWR_CREAT = 0x0202

const openExclusively = async (file: string): Promise<Free | null> => {
  let handle: FileHandle
  try {
    handle = await open(file, O_RDWR_CREAT | O_EXLOCK | O_NONBLOCK)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') return null
    throw error
  }
  return () => handle.close()
}

const ownerOf = (ownerFile: string): string => {
  let pid: string
  try {
    pid = readFileSync(ownerFile, 'utf8')
  } catch {
    // Between taking the lock and writing its name, or in a version that writes none: the lock itself is what counts.
    return 'another process'
  }
  return Number(pid) === process.pid ? `this process (pid ${pid})` : `the process with pid ${pid}`
}

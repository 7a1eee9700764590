import { createHash } from 'node:crypto'
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { RuntimeError, toError } from '../../base/errors.ts'
import { FORMAT } from '../codec/frame.ts'
import { syncFolder } from '../lmdb/marker.ts'
import {
  type BackupHeader,
  type BackupSummary,
  END,
  ENTRY,
  fieldsOf,
  HEADER,
  MAGIC,
  packPart,
} from './backup-format.ts'
import { Contents } from './contents.ts'
import type { StoreReader } from './entry.ts'

const WRITE_BYTES = 1_048_576

/**
 * Backs up a store, whoever has it open. **Durability**: the file has its name once it is whole and on the disk, so whoever
 * finds the name finds a good backup; what a killed one leaves is `NAME.PID.partial`. **Errors**: BACKUP_FAILED where the
 * file is there already or cannot be written; those of the store's entries, and what is corrupt in the store is in no
 * backup; the reason of `signal`, which leaves no file.
 */
export const backUp = async (
  store: StoreReader,
  path: string,
  takenMs: number,
  signal?: AbortSignal,
): Promise<BackupSummary> => {
  const { name, partitions } = store
  const header: BackupHeader = { partitions, name, takenMs }
  const file = await BackupFile.create(path)
  try {
    await file.write(packPart(HEADER, { format: FORMAT, ...header }))
    const contents = new Contents(name, partitions)
    for await (const entry of store.entries()) {
      signal?.throwIfAborted()
      contents.add(entry)
      await file.write(packPart(ENTRY, fieldsOf(entry)))
    }
    const totals = contents.end()
    const { digest } = file
    await file.write(packPart(END, { totals, digest }))
    await file.finish()
    return { ...header, totals, bytes: file.bytes, digest }
  } catch (error) {
    await file.abandon()
    throw error
  }
}

/** Under another name until it is whole. **Errors** of its calls: BACKUP_FAILED. */
class BackupFile {
  bytes = 0
  readonly #file: FileHandle
  readonly #path: string
  readonly #hash = createHash('sha256')
  #waiting: Buffer[] = []
  #waitingBytes = 0

  private constructor(file: FileHandle, path: string) {
    this.#file = file
    this.#path = path
  }

  static async create(path: string): Promise<BackupFile> {
    if (await isThere(path))
      throw new RuntimeError(
        'BACKUP_FAILED',
        `${path} is there already, and is left as it is: give the backup another name.`,
      )
    const file = new BackupFile(await written(path, () => open(partialOf(path), 'w')), path)
    await file.write(MAGIC)
    return file
  }

  /** SHA-256 of what has been written so far. */
  get digest(): string {
    return this.#hash.copy().digest('hex')
  }

  async write(bytes: Buffer): Promise<void> {
    this.#hash.update(bytes)
    this.#waiting.push(bytes)
    this.#waitingBytes += bytes.length
    this.bytes += bytes.length
    if (this.#waitingBytes >= WRITE_BYTES) await this.#flush()
  }

  async finish(): Promise<void> {
    await this.#flush()
    await written(this.#path, async () => {
      await this.#file.sync()
      await this.#file.close()
      await rename(partialOf(this.#path), this.#path)
      syncFolder(dirname(resolve(this.#path)))
    })
  }

  async abandon(): Promise<void> {
    // A handle that is closed already is closed again for nothing.
    await this.#file.close()
    await rm(partialOf(this.#path), { force: true })
  }

  async #flush(): Promise<void> {
    const waiting = Buffer.concat(this.#waiting)
    this.#waiting = []
    this.#waitingBytes = 0
    await written(this.#path, async () => {
      for (let from = 0; from < waiting.length; ) {
        const { bytesWritten } = await this.#file.write(waiting, from)
        from += bytesWritten
      }
    })
  }
}

const partialOf = (path: string): string => `${path}.${process.pid}.partial`

const isThere = async (path: string): Promise<boolean> => {
  try {
    await stat(path)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw notWritten(path, error)
  }
}

const written = async <T>(path: string, writing: () => Promise<T>): Promise<T> => {
  try {
    return await writing()
  } catch (error) {
    throw notWritten(path, error)
  }
}

const notWritten = (path: string, error: unknown): RuntimeError =>
  new RuntimeError('BACKUP_FAILED', `${path} cannot be written: ${toError(error).message}`, { cause: error })

import { createHash } from 'node:crypto'
import { type FileHandle, open } from 'node:fs/promises'
import { RuntimeError, toError } from '../../base/errors.ts'
import { FORMAT } from '../codec/frame.ts'
import {
  type BackupHeader,
  type BackupSummary,
  END,
  ENTRY,
  entryOf,
  HEAD_BYTES,
  HEADER,
  isCount,
  MAGIC,
  MAGIC_OF_BEFORE,
  unpackBody,
} from './backup-format.ts'
import { type CheckedEntry, Contents, type Totals } from './contents.ts'

const READ_BYTES = 1_048_576

/** A backup that is read from its begin to its end. */
export interface BackupReading {
  readonly header: BackupHeader
  /**
   * Its entries, each checked by itself; that they are all of them is known at the end only.
   * **Errors**: BACKUP_INVALID, also after the last entry. Call it once.
   */
  entries(): AsyncGenerator<CheckedEntry, BackupSummary>
  close(): Promise<void>
}

/**
 * **Errors**: BACKUP_INVALID for a file that is no backup, or one of another version; BACKUP_FAILED for one that cannot be
 * read.
 */
export const openBackup = async (path: string): Promise<BackupReading> => {
  const file = await Parts.open(path)
  try {
    const header = await readHeader(file, path)
    return { header, entries: () => entriesOf(file, path, header), close: () => file.close() }
  } catch (error) {
    await file.close()
    throw error
  }
}

/**
 * Reads a backup to its end and says what is in it. **Errors**: those of `openBackup` and of its entries; the reason of
 * `signal`.
 */
export const verifyBackup = async (path: string, signal?: AbortSignal): Promise<BackupSummary> => {
  const backup = await openBackup(path)
  try {
    const entries = backup.entries()
    for (;;) {
      signal?.throwIfAborted()
      const next = await entries.next()
      if (next.done === true) return next.value
    }
  } finally {
    await backup.close()
  }
}

const readHeader = async (file: Parts, path: string): Promise<BackupHeader> => {
  await file.skipMagic()
  const { kind, value } = await file.next()
  const { format, partitions, name, takenMs } = (value ?? {}) as Record<keyof BackupHeader | 'format', unknown>
  if (kind !== HEADER || !isCount(partitions) || partitions < 1 || typeof name !== 'string' || !isCount(takenMs))
    throw invalid(path, 'its header makes no sense')
  if (format !== FORMAT) throw invalid(path, `it holds format ${String(format)}, this version reads ${FORMAT}`)
  return { partitions, name, takenMs }
}

async function* entriesOf(
  file: Parts,
  path: string,
  header: BackupHeader,
): AsyncGenerator<CheckedEntry, BackupSummary> {
  const contents = new Contents(path, header.partitions)
  for (;;) {
    const { digest } = file
    const { kind, value, at } = await file.next()
    if (kind === ENTRY) {
      const entry = entryOf(value)
      if (entry === null) throw invalid(path, `what stands at ${at} is no entry`)
      yield checked(path, at, () => contents.add(entry))
    } else if (kind === END) {
      const end = (value ?? {}) as Record<'totals' | 'digest', unknown>
      if (end.digest !== digest) throw invalid(path, `the digest at ${at} is not that of what stands before it`)
      const totals = checked(path, at, () => contents.end())
      if (!isSameTotals(end.totals, totals)) throw invalid(path, `the totals at ${at} are another's`)
      if (file.left > 0) throw invalid(path, `${file.left} bytes stand after its end`)
      return { ...header, totals, bytes: file.bytes, digest }
    } else throw invalid(path, `a part of kind ${kind} at ${at}`)
  }
}

/** A backup of before does not count what it has none of. */
const isSameTotals = (stored: unknown, totals: Totals): boolean => {
  const { horizons, dropped, ...countedBefore } = totals
  const text = JSON.stringify(stored)
  return text === JSON.stringify(totals) || (horizons + dropped === 0 && text === JSON.stringify(countedBefore))
}

/** What is wrong with an entry of a backup is wrong with the backup. */
const checked = <T>(path: string, at: number, checking: () => T): T => {
  try {
    return checking()
  } catch (error) {
    throw invalid(path, `what stands at ${at} makes no sense (${toError(error).message})`, error)
  }
}

/** The parts of a file, one after the other. **Bounds**: memory for a part and a buffer. */
class Parts {
  readonly bytes: number
  readonly #file: FileHandle
  readonly #path: string
  readonly #hash = createHash('sha256')
  #buffer: Buffer = Buffer.alloc(0)
  /** Where in the file `#buffer` begins. */
  #at = 0

  private constructor(file: FileHandle, path: string, bytes: number) {
    this.#file = file
    this.#path = path
    this.bytes = bytes
  }

  static async open(path: string): Promise<Parts> {
    const file = await readable(path, () => open(path, 'r'))
    const stat = await readable(path, () => file.stat())
    if (stat.isFile()) return new Parts(file, path, stat.size)
    await file.close()
    throw invalid(path, 'it is no file')
  }

  get left(): number {
    return this.bytes - this.#at
  }

  /** SHA-256 of what has been read so far. */
  get digest(): string {
    return this.#hash.copy().digest('hex')
  }

  async skipMagic(): Promise<void> {
    const found = await this.#take(Math.min(MAGIC.length, this.bytes))
    if (!found.equals(MAGIC) && !found.equals(MAGIC_OF_BEFORE))
      throw invalid(this.#path, `it does not begin with ${JSON.stringify(MAGIC.toString())}`)
  }

  async next(): Promise<{ readonly kind: number; readonly value: unknown; readonly at: number }> {
    const at = this.#at
    const head = await this.#take(HEAD_BYTES)
    const kind = head[4]!
    const body = await this.#take(head.readUInt32BE(0))
    try {
      return { kind, value: unpackBody(body), at }
    } catch (error) {
      throw invalid(this.#path, `what stands at ${at} cannot be decoded`, error)
    }
  }

  close(): Promise<void> {
    return this.#file.close()
  }

  async #take(length: number): Promise<Buffer> {
    if (length > this.left)
      throw invalid(this.#path, `it ends at ${this.bytes} bytes, in the middle of what begins at ${this.#at}`)
    while (this.#buffer.length < length) await this.#fill(length)
    const taken = this.#buffer.subarray(0, length)
    this.#buffer = this.#buffer.subarray(length)
    this.#at += length
    this.#hash.update(taken)
    return taken
  }

  async #fill(length: number): Promise<void> {
    const more = Buffer.allocUnsafe(Math.max(READ_BYTES, length))
    const from = this.#at + this.#buffer.length
    const { bytesRead } = await readable(this.#path, () => this.#file.read(more, 0, more.length, from))
    if (bytesRead === 0) throw invalid(this.#path, 'it became shorter while it was read')
    this.#buffer = Buffer.concat([this.#buffer, more.subarray(0, bytesRead)])
  }
}

const readable = async <T>(path: string, reading: () => Promise<T>): Promise<T> => {
  try {
    return await reading()
  } catch (error) {
    throw new RuntimeError('BACKUP_FAILED', `${path} cannot be read: ${toError(error).message}`, { cause: error })
  }
}

const invalid = (path: string, text: string, cause?: unknown): RuntimeError =>
  new RuntimeError('BACKUP_INVALID', `${path} is no good backup: ${text}. Nothing of it is used; take another one.`, {
    cause,
  })

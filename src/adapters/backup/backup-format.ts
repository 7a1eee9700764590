/**
 * A backup as one file.
 *
 *     TROUPE-BACKUP 2\n | header | entry | entry | … | end |
 *     each              | length, 4 bytes | kind, 1 byte | MessagePack of that length |
 *     header            format of blocks and snapshots, partitions, name of the store, when it was taken
 *     entry             ['snapshot', id, sequence number, bytes], ['horizon', id, deleted to, ended or not],
 *                       ['dropped', partition, first position, last position], ['block', partition, first position, bytes],
 *                       ['cursors', partition, [[group, position], …]]
 *     end               totals; SHA-256 over every byte before this part
 *
 * It is good as a whole or not at all: nothing is believed before the end was found, its digest compared, and every entry
 * decoded by the checksum that it had in the store. Version 1 has neither horizons nor dropped segments, and is read as well.
 */

import { Packr } from 'msgpackr'
import { unreachable } from '../../base/assert.ts'
import type { Totals } from './contents.ts'
import type { BackupEntry } from './entry.ts'

export const MAGIC = Buffer.from('TROUPE-BACKUP 2\n')
export const MAGIC_OF_BEFORE = Buffer.from('TROUPE-BACKUP 1\n')

export const HEADER = 1
export const ENTRY = 2
export const END = 3

/** What comes before a part: its length and its kind. */
export const HEAD_BYTES = 5

export interface BackupHeader {
  readonly partitions: number
  /** The store that it was taken of. */
  readonly name: string
  /** Units: ms since 1970. */
  readonly takenMs: number
}

export interface BackupSummary extends BackupHeader {
  readonly totals: Totals
  /** Size of the file. */
  readonly bytes: number
  /** SHA-256 of the file up to its end part, which holds it. Units: hexadecimal. */
  readonly digest: string
}

const packr = new Packr({ useRecords: false, variableMapSize: true })

export const packPart = (kind: number, value: unknown): Buffer => {
  const body = packr.pack(value)
  const part = Buffer.allocUnsafe(HEAD_BYTES + body.length)
  part.writeUInt32BE(body.length, 0)
  part[4] = kind
  body.copy(part, HEAD_BYTES)
  return part
}

/** **Errors**: what the decoder throws. */
export const unpackBody = (body: Buffer): unknown => packr.unpack(body)

export const fieldsOf = (entry: BackupEntry): readonly unknown[] => {
  switch (entry.kind) {
    case 'snapshot':
      return [entry.kind, entry.persistenceId, entry.sequenceNr, entry.packed]
    case 'horizon':
      return [entry.kind, entry.persistenceId, entry.horizon.deletedTo, entry.horizon.tombstoned]
    case 'dropped':
      return [entry.kind, entry.partition, entry.firstPosition, entry.lastPosition]
    case 'block':
      return [entry.kind, entry.partition, entry.firstPosition, entry.packed]
    case 'cursors':
      return [entry.kind, entry.partition, [...entry.cursors]]
    default:
      return unreachable(entry, 'entry of a backup')
  }
}

/** The entry that `fieldsOf` took apart; null for anything else. */
export const entryOf = (fields: unknown): BackupEntry | null => {
  if (!Array.isArray(fields)) return null
  const [kind, first, second, third] = fields as readonly unknown[]
  if (kind === 'snapshot' && typeof first === 'string' && isCount(second) && Buffer.isBuffer(third))
    return { kind, persistenceId: first, sequenceNr: second, packed: third }
  if (kind === 'horizon' && typeof first === 'string' && isCount(second) && typeof third === 'boolean')
    return { kind, persistenceId: first, horizon: { deletedTo: second, tombstoned: third } }
  if (kind === 'dropped' && isCount(first) && isCount(second) && isCount(third))
    return { kind, partition: first, firstPosition: second, lastPosition: third }
  if (kind === 'block' && isCount(first) && isCount(second) && Buffer.isBuffer(third))
    return { kind, partition: first, firstPosition: second, packed: third }
  if (kind === 'cursors' && isCount(first) && Array.isArray(second) && second.every(isCursor))
    return { kind, partition: first, cursors: new Map(second) }
  return null
}

const isCursor = (pair: unknown): pair is [string, number] =>
  Array.isArray(pair) && pair.length === 2 && typeof pair[0] === 'string' && isCount(pair[1])

export const isCount = (number: unknown): number is number => Number.isSafeInteger(number) && (number as number) >= 0

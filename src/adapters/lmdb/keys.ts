/** How keys are laid out in LMDB, which sorts them as bytes. */

import type { Database } from 'lmdb'

/** A place in a log: partition, position. */
export const logKey = (partition: number, position: number): Buffer => {
  const key = Buffer.allocUnsafe(12)
  key.writeUInt32BE(partition, 0)
  writePosition(key, position, 4)
  return key
}

export const positionOf = (key: Uint8Array): number =>
  readPosition(Buffer.from(key.buffer, key.byteOffset, key.length), 4)

/** A snapshot: length of the id, the id, sequence number. The length keeps ids apart that begin alike. */
export const snapshotKey = (persistenceId: string, sequenceNr: number): Buffer => {
  const length = Buffer.byteLength(persistenceId)
  const key = Buffer.allocUnsafe(2 + length + 8)
  key.writeUInt16BE(length, 0)
  key.write(persistenceId, 2)
  writePosition(key, sequenceNr, 2 + length)
  return key
}

export const snapshotSequenceNr = (key: Uint8Array): number =>
  readPosition(Buffer.from(key.buffer, key.byteOffset, key.length), key.length - 8)

export const snapshotIdOf = (key: Uint8Array): string =>
  Buffer.from(key.buffer, key.byteOffset, key.length).toString('utf8', 2, key.length - 8)
/** The sequence numbers that an id has snapshots of, in order. */
export const snapshotNrsOf = (snapshots: Database<Buffer, Buffer>, persistenceId: string): number[] => {
  const range = { start: snapshotKey(persistenceId, 0), end: snapshotKey(persistenceId, Number.MAX_SAFE_INTEGER) }
  return Array.from(snapshots.getKeys(range), snapshotSequenceNr)
}

/** A cursor: partition, name of the group. */
export const cursorKey = (partition: number, group: string): Buffer => {
  const key = Buffer.allocUnsafe(4 + Buffer.byteLength(group))
  key.writeUInt32BE(partition, 0)
  key.write(group, 4)
  return key
}

export const cursorGroup = (key: Uint8Array): string =>
  Buffer.from(key.buffer, key.byteOffset, key.length).toString('utf8', 4)

/** What a cursor's checksum covers besides its number: so that none passes for another one. */
export const cursorName = (partition: number, group: string): string => `cursor ${partition} ${group}`

/** Ids as keys are their own bytes; lmdb-js calls this with its buffer, so that none is made per key. */
export const idKeyEncoder = {
  writeKey: (id: string, target: Buffer, start: number): number => start + target.write(id, start),
  readKey: (source: Buffer, start: number, end: number): string => source.toString('utf8', start, end),
}

/** Safe integers go beyond 32 bits: two halves, the higher one first. */
const writePosition = (target: Buffer, position: number, at: number): void => {
  target.writeUInt32BE(Math.floor(position / 2 ** 32), at)
  target.writeUInt32BE(position >>> 0, at + 4)
}

const readPosition = (source: Buffer, at: number): number =>
  source.readUInt32BE(at) * 2 ** 32 + source.readUInt32BE(at + 4)

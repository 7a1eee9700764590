/**
 * The checksum of the small values beside the log: heads, cursors, checkpoints, descriptions. FNV-1a over the name under
 * which a value is kept and its numbers, with a last mix. A call of zlib's CRC-32 costs 360 ns (20 characters, Node 20.20),
 * this 50, and 10 where the name's part is known; heads are written with every append.
 */

const PRIME = 0x01000193

/** The name's part: kept where the same name is sealed again and again. */
export const hashOf = (name: string): number => {
  let hash = 0x811c9dc5
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), PRIME)
  return hash
}

/** `hash` as of `hashOf`. A signed 32-bit integer. */
export const checksumOf = (hash: number, first: number, second: number): number => {
  let mixed = Math.imul(hash ^ first, PRIME)
  mixed = Math.imul(mixed ^ (first / 2 ** 32), PRIME)
  mixed = Math.imul(mixed ^ second, PRIME)
  mixed = Math.imul(mixed ^ (second / 2 ** 32), PRIME)
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  return mixed ^ (mixed >>> 13)
}

/** Two numbers under a name, as bytes: `| first, 8 bytes | second, 8 bytes | checksum, 4 bytes |`. */
export const sealNumbers = (hash: number, first: number, second: number): Buffer => {
  const bytes = Buffer.allocUnsafe(20)
  bytes.writeDoubleLE(first, 0)
  bytes.writeDoubleLE(second, 8)
  bytes.writeInt32LE(checksumOf(hash, first, second), 16)
  return bytes
}

/** What `sealNumbers` made of them; null where the bytes are not that. */
export const unsealNumbers = (hash: number, bytes: Buffer): readonly [first: number, second: number] | null => {
  if (bytes.length !== 20) return null
  const first = bytes.readDoubleLE(0)
  const second = bytes.readDoubleLE(8)
  const sound = isCount(first) && isCount(second) && bytes.readInt32LE(16) === checksumOf(hash, first, second)
  return sound ? [first, second] : null
}

const DIGITS = '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_'
const DIGIT_CODES = Buffer.from(DIGITS)

/** The same as text: `FIRST:SECOND:CHECKSUM`, with 24 bits of it. */
export const sealAsText = (hash: number, first: number, second: number): string => {
  const checksum = Buffer.alloc(4)
  writeChecksum(checksum, 0, checksumOf(hash, first, second))
  return `${first}:${second}:${checksum}`
}

/** The last four characters of `sealAsText`, as bytes; where they end. */
export const writeChecksum = (bytes: Buffer, at: number, checksum: number): number => {
  bytes[at] = DIGIT_CODES[(checksum >>> 6) & 63]!
  bytes[at + 1] = DIGIT_CODES[checksum & 63]!
  bytes[at + 2] = DIGIT_CODES[checksum >>> 26]!
  bytes[at + 3] = DIGIT_CODES[(checksum >>> 20) & 63]!
  return at + 4
}

export const unsealText = (hash: number, text: string): readonly [first: number, second: number] | null => {
  const [, first, second] = /^(\d{1,16}):(\d{1,16}):.{4}$/.exec(text) ?? []
  const numbers = [Number(first), Number(second)] as const
  return numbers.every(isCount) && sealAsText(hash, ...numbers) === text ? numbers : null
}

const isCount = (number: number): boolean => Number.isSafeInteger(number) && number >= 0

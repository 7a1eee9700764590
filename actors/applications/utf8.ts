/**
 * Decodes a stream of UTF-8 without losing sight of bytes that are none. The usual decoders put U+FFFD in their place,
 * after which two different texts may be one and the same.
 *
 * A line with such bytes keeps its ASCII characters, and every other byte of it becomes a lone surrogate. No UTF-8 decodes
 * to one of those, so `isWellFormed` tells what of the text was broken, however it is cut up later.
 */

import { isUtf8 } from 'node:buffer'

export async function* decodeUtf8(source: AsyncIterable<Uint8Array>): AsyncGenerator<string, void, undefined> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of source) {
    const bytes =
      rest.length === 0 ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length) : Buffer.concat([rest, chunk])
    const end = bytes.length - incompleteTail(bytes)
    rest = bytes.subarray(end)
    yield textOf(bytes.subarray(0, end))
  }
  if (rest.length > 0) yield marked(rest)
}

/** How many bytes at the end begin a character that goes on in the next chunk. */
const incompleteTail = (bytes: Buffer): number => {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!
    if (byte >= 0xc0) return sequenceLength(byte) > back ? back : 0
    if (byte < 0x80) return 0
  }
  return 0
}

const sequenceLength = (lead: number): number => (lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2)

const textOf = (bytes: Buffer): string => {
  if (isUtf8(bytes)) return bytes.toString('utf8')
  let text = ''
  for (let at = 0; at < bytes.length; ) {
    const lineEnd = bytes.indexOf(LINE_FEED, at)
    const next = lineEnd < 0 ? bytes.length : lineEnd + 1
    const line = bytes.subarray(at, next)
    text += isUtf8(line) ? line.toString('utf8') : marked(line)
    at = next
  }
  return text
}

/** A byte of 0x0a is a line feed wherever it stands, within a broken character too. */
const LINE_FEED = 0x0a

const marked = (line: Buffer): string =>
  line.toString('latin1').replace(/[\x80-\xff]/g, byte => String.fromCharCode(0xdc00 + byte.charCodeAt(0)))

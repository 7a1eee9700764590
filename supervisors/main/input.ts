import { createReadStream, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { type ApplicationRow, decodeUtf8, readApplications } from '../../actors/index.ts'

/** A file of applications could not be read, or not to its end. The text names it, the cause says why. */
export class InputError extends Error {
  override readonly name = 'InputError'
}

/** The first `limit` rows of a CSV file, gzipped or plain; null: the built-in sample. **Errors**: InputError. */
export async function* applicationRows(
  file: string | null,
  limit: number,
): AsyncGenerator<ApplicationRow, void, undefined> {
  if (limit === 0) return
  const path = file ?? samplePath()
  let rows = 0
  let line = 0
  try {
    for await (const row of readApplications(decodeUtf8(contentOf(path)))) {
      line = row.line
      yield row
      if (++rows >= limit) return
    }
  } catch (cause) {
    throw new InputError(`${path} cannot be read${rows === 0 ? '' : ` beyond line ${line}, row ${rows}`}`, { cause })
  }
}

/**
 * Reads the first row, so that a wrong file is known before a store is made or removed. What can be read only once, such as
 * a pipe, is left alone. **Errors**: InputError.
 */
export const checkInput = async (path: string): Promise<void> => {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === false) return
  for await (const _ of applicationRows(path, 1)) return
}

/** Beside the sources: the build makes only JavaScript of them. */
export const samplePath = (): string =>
  join(dirname(createRequire(import.meta.url).resolve('troupe/package.json')), 'actors/samples/sample-applications.csv')

/** What the file holds, unpacked where it begins as gzip does, whatever its name is. */
async function* contentOf(file: string): AsyncGenerator<Uint8Array, void, undefined> {
  const bytes = createReadStream(file)
  await new Promise<void>((resolve, reject) => bytes.once('readable', resolve).once('error', reject))
  const head: Buffer | null = bytes.read(2)
  if (head !== null) bytes.unshift(head)
  if (head === null || !head.equals(GZIP_MAGIC)) {
    yield* bytes
    return
  }
  const content = createGunzip()
  // A reader that has enough destroys `content`; any other failure reaches it through `content` itself.
  pipeline(bytes, content).catch(error => content.destroy(error))
  yield* content
}

const GZIP_MAGIC = Buffer.from([0x1f, 0x8b])

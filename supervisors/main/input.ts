import { createReadStream } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { PassThrough } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { type ApplicationRow, readApplications } from '../../actors/index.ts'

/** A file of applications could not be read, or not to its end. The text names it, the cause says why. */
export class InputError extends Error {
  override readonly name = 'InputError'
}

/** The first `limit` rows of a CSV file, `.gz` or plain; null: the built-in sample. **Errors**: InputError. */
export async function* applicationRows(
  file: string | null,
  limit: number,
): AsyncGenerator<ApplicationRow, void, undefined> {
  if (limit === 0) return
  const path = file ?? samplePath()
  let rows = 0
  try {
    for await (const row of readApplications(textOf(path))) {
      yield row
      if (++rows >= limit) return
    }
  } catch (cause) {
    throw new InputError(`${path} cannot be read${rows === 0 ? '' : ` beyond its first ${rows} rows`}`, { cause })
  }
}

/** Beside the sources: the build makes only JavaScript of them. */
const samplePath = (): string =>
  join(dirname(createRequire(import.meta.url).resolve('troupe/package.json')), 'actors/samples/sample-applications.csv')

async function* textOf(file: string): AsyncGenerator<string, void, undefined> {
  const text = new PassThrough({ encoding: 'utf8' })
  const bytes = createReadStream(file)
  const piped = file.endsWith('.gz') ? pipeline(bytes, createGunzip(), text) : pipeline(bytes, text)
  // A reader that has enough destroys `text`; any other failure reaches it through `text` itself.
  piped.catch(error => text.destroy(error))
  yield* text as AsyncIterable<string>
}

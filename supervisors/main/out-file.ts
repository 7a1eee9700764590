import { type Stats, statSync } from 'node:fs'
import { lstat, open, realpath, rename, rm } from 'node:fs/promises'
import { basename, dirname, join, resolve, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'

/** `--out` names a place where no file of outcomes can be made, or should be. The text says why, and what to give. */
export class OutFileError extends Error {
  override readonly name = 'OutFileError'
}

/**
 * The file of `--out`: looked at before the run, written at its end.
 *
 * It is there whole or not at all: it is written under another name beside its place, flushed, and then renamed. Where
 * the place is a link, the file that it leads to is replaced and the link stays.
 */
export class OutFile {
  /** As it was given. */
  readonly name: string
  private readonly path: string
  private readonly unfinished: string

  private constructor(name: string, path: string) {
    this.name = name
    this.path = path
    this.unfinished = join(dirname(path), `.${basename(path)}.unfinished`)
  }

  /**
   * Makes sure that the file can be made, that it is not `input`, under whatever names, and that it lies outside the store's
   * `folder`, which need not be there yet.
   *
   * **Errors**: OutFileError for a folder, a device or anything else that is no plain file; for the input, and for one
   * that is no plain file, since the outcomes are written in the order of the input, which is read again for it; for a
   * link that leads nowhere; for a folder that is not there or where no file can be made.
   */
  static async at(name: string, input: string, folder: string | null): Promise<OutFile> {
    const file = new OutFile(name, await placeOf(name))
    for (const place of [file.path, file.unfinished]) refuseUnfit(name, place, input)
    if (folder !== null) await refuseWithin(name, file.path, folder)
    try {
      // What a run that was killed left behind goes now; that a file can be made is known when it was made.
      await rm(file.unfinished, { force: true })
      await (await open(file.unfinished, 'wx')).close()
      await rm(file.unfinished)
    } catch (cause) {
      throw new OutFileError(`--out ${name}: no file can be made in ${dirname(file.path)}`, { cause })
    }
    return file
  }

  /** **Errors**: the file system's, and what `lines` throws; then what was at the place is there as it was. */
  async write(lines: AsyncIterable<string>): Promise<void> {
    const handle = await open(this.unfinished, 'wx')
    try {
      await pipeline(lines, handle.createWriteStream({ flush: true }))
      await rename(this.unfinished, this.path)
    } catch (error) {
      await rm(this.unfinished, { force: true })
      throw error
    }
  }
}

/** Where links lead from `name`, the last of which may lead to nothing yet only if it is no link itself. */
const placeOf = async (name: string): Promise<string> => {
  try {
    return await realpath(name)
  } catch (cause) {
    const isLink = await lstat(name)
      .then(stats => stats.isSymbolicLink())
      .catch(() => false)
    if (isLink) throw new OutFileError(`--out ${name}: the link leads to nothing; give another name`, { cause })
  }
  try {
    return join(await realpath(dirname(name)), basename(name))
  } catch (cause) {
    throw new OutFileError(`--out ${name}: the folder '${dirname(name)}' is not there; make it, or give another name`, {
      cause,
    })
  }
}

const refuseUnfit = (name: string, place: string, input: string): void => {
  const read = statsOf(input)
  if (read !== null && !read.isFile())
    throw new OutFileError(`--out ${name}: it needs the input twice, and ${input} can be read once; give a plain file`)
  const stats = statsOf(place)
  if (stats === null) return
  const what = kindOf(stats)
  if (what !== null) throw new OutFileError(`--out ${name}: ${place} is ${what}; give the name of a file`)
  if (read !== null && read.dev === stats.dev && read.ino === stats.ino)
    throw new OutFileError(`--out ${name}: this is ${input}, the input; give another name`)
}

const refuseWithin = async (name: string, place: string, folder: string): Promise<void> => {
  const store = await realPlace(resolve(folder))
  if (place === store || place.startsWith(store + sep))
    throw new OutFileError(`--out ${name}: this is in ${folder}, which is the store's; give another name`)
}

/** Where links lead, as far as there is something. */
const realPlace = async (path: string): Promise<string> => {
  try {
    return await realpath(path)
  } catch (error) {
    const parent = dirname(path)
    if (parent === path) throw error
    return join(await realPlace(parent), basename(path))
  }
}

/** Null: nothing is there. */
const statsOf = (path: string): Stats | null => {
  try {
    return statSync(path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return null
    throw error
  }
}

const kindOf = (stats: Stats): string | null => {
  if (stats.isFile()) return null
  if (stats.isDirectory()) return 'a folder'
  return stats.isCharacterDevice() || stats.isBlockDevice() ? 'a device' : 'no plain file'
}

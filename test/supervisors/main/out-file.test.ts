import { chmodSync, linkSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { OutFile, OutFileError } from '../../../supervisors/main/out-file.ts'
import { newFolder } from '../support/stores.ts'

let folder: string
let input: string
beforeEach(() => {
  folder = newFolder('out')
  input = join(folder, 'input.csv')
  writeFileSync(input, 'input')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const own = (name: string): string => join(folder, name)

async function* lines(...texts: readonly string[]): AsyncGenerator<string> {
  yield* texts
}

async function* failing(): AsyncGenerator<string> {
  yield 'first\n'
  throw new Error('store')
}

const refused = async (name: string): Promise<string> => {
  const before = readdirSync(folder)
  const failure = await OutFile.at(name, input, null).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(OutFileError)
  expect(readdirSync(folder)).toEqual(before)
  expect(readFileSync(input, 'utf8')).toBe('input')
  return (failure as Error).message
}

describe('a file of outcomes', () => {
  it('is there as a whole once it is written, and leaves nothing else', async () => {
    writeFileSync(own('out'), 'before')
    const out = await OutFile.at(own('out'), input, null)
    expect(readFileSync(own('out'), 'utf8')).toBe('before')
    await out.write(lines('a\n', 'b\n'))
    expect(readFileSync(own('out'), 'utf8')).toBe('a\nb\n')
    expect(readdirSync(folder).sort()).toEqual(['input.csv', 'out'])
  })

  it('is left as it was when the writing fails', async () => {
    writeFileSync(own('out'), 'before')
    const out = await OutFile.at(own('out'), input, null)
    await expect(out.write(failing())).rejects.toThrow('store')
    expect(readFileSync(own('out'), 'utf8')).toBe('before')
    expect(readdirSync(folder).sort()).toEqual(['input.csv', 'out'])
  })

  it('may be made where a killed run left its unfinished one', async () => {
    writeFileSync(own('.out.unfinished'), 'half')
    await (await OutFile.at(own('out'), input, null)).write(lines('a\n'))
    expect(readdirSync(folder).sort()).toEqual(['input.csv', 'out'])
  })

  it('is put where a link leads, and the link stays', async () => {
    mkdirSync(own('there'))
    writeFileSync(own('there/real'), 'before')
    symlinkSync('there/real', own('link'))
    await (await OutFile.at(own('link'), input, null)).write(lines('a\n'))
    expect(readFileSync(own('there/real'), 'utf8')).toBe('a\n')
    writeFileSync(own('there/real'), 'c')
    expect(readFileSync(own('link'), 'utf8')).toBe('c')
  })

  it('is refused where it is the input, by its name or by any link', async () => {
    symlinkSync('input.csv', own('symbolic'))
    linkSync(input, own('hard'))
    symlinkSync('.', own('folder'))
    for (const name of ['input.csv', 'symbolic', 'hard', './folder/input.csv'])
      expect(await refused(own(name))).toContain(`this is ${input}, the input; give another name`)
  })

  it('is refused where it would be unfinished under the name of the input', async () => {
    linkSync(input, own('.out.unfinished'))
    expect(await refused(own('out'))).toContain(`this is ${input}`)
  })

  it('is refused within the folder of the store, made or not, and as that folder', async () => {
    mkdirSync(own('store'))
    symlinkSync('store', own('also'))
    const within = (name: string, store: string): Promise<string> =>
      OutFile.at(own(name), input, own(store)).then(
        () => 'allowed',
        (error: Error) => error.message,
      )
    for (const name of ['store/data.mdb', 'also/lock.mdb', 'store/anything'])
      expect(await within(name, 'store')).toContain(`this is in ${own('store')}, which is the store's`)
    expect(await within('store/data.mdb', 'also')).toContain("which is the store's")
    expect(await within('later', 'later')).toContain("which is the store's")
    expect(await within('storehouse', 'store')).toBe('allowed')
  })

  it('is refused where the input can be read only once', async () => {
    const file = OutFile.at(own('out'), '/dev/stdin', null)
    await expect(file).rejects.toThrow('it needs the input twice, and /dev/stdin can be read once')
  })

  it('is refused where a folder, a device or a dangling link stands', async () => {
    symlinkSync('nowhere', own('dangling'))
    expect(await refused(folder)).toContain('is a folder; give the name of a file')
    expect(await refused('/dev/null')).toContain('/dev/null is a device; give the name of a file')
    expect(await refused(own('dangling'))).toContain('the link leads to nothing; give another name')
    expect(await refused('')).toContain('is a folder')
  })

  it('is refused in a folder that is not there, or that is a file', async () => {
    expect(await refused(own('nowhere/out'))).toContain(`the folder '${own('nowhere')}' is not there`)
    expect(await refused(own('input.csv/out'))).toContain('no file can be made in')
  })

  it('is refused in a folder where no file can be made', async () => {
    // No mode of a folder keeps root out; in /proc nothing is made by anybody.
    const isRoot = process.getuid?.() === 0
    const closed = isRoot ? '/proc' : own('closed')
    if (!isRoot) {
      mkdirSync(closed)
      chmodSync(closed, 0o555)
    }
    expect(await refused(join(closed, 'out'))).toContain(`no file can be made in ${closed}`)
  })
})

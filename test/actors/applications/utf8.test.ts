import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeUtf8 } from '../../../actors/applications/utf8.ts'
import { readApplications } from '../../../actors/index.ts'

async function* inPieces(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length)
}

const decoded = async (bytes: Uint8Array, length: number): Promise<string> => {
  let text = ''
  for await (const piece of decodeUtf8(inPieces(bytes, length))) text += piece
  return text
}

describe('the UTF-8 decoder', () => {
  it('gives text as it was, wherever the chunks are cut', async () => {
    const someText = fc.string({ unit: fc.constantFrom('a', '\n', 'é', '€', '𝕏', '\ufffd', '\ufeff') })
    await fc.assert(
      fc.asyncProperty(someText, fc.integer({ min: 1, max: 5 }), async (text, length) => {
        expect(await decoded(Buffer.from(text), length)).toBe(text)
      }),
      { numRuns: 500 },
    )
  })

  it('gives text that is not well-formed exactly where bytes are not UTF-8, and keeps the lines', async () => {
    const someByte = fc.constantFrom(0x0a, 0x41, 0x80, 0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xf0, 0xff, 0xed, 0xc0)
    await fc.assert(
      fc.asyncProperty(fc.array(someByte), fc.integer({ min: 1, max: 5 }), async (array, length) => {
        const bytes = Buffer.from(array)
        const fatal = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
        const isGood = (line: Buffer): boolean => {
          try {
            fatal.decode(line)
            return true
          } catch {
            return false
          }
        }
        const lines = bytes
          .toString('latin1')
          .split('\n')
          .map(line => Buffer.from(line, 'latin1'))
        const text = await decoded(bytes, length)
        expect(text.split('\n').map(line => line.isWellFormed())).toEqual(lines.map(isGood))
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('the application reader on bytes that are not UTF-8', () => {
  const HEADER = 'ApplicationId,Area,VehPower,VehAge,DrivAge,BonusMalus,VehBrand,VehGas,Density,Region'
  const VALUES = 'A,6,0,62,90,B12,Regular,49,R53'

  const rowsOf = async (...lines: readonly Buffer[]) => {
    const bytes = Buffer.concat(lines.flatMap(line => [line, Buffer.from('\r\n')]).slice(0, -1))
    const rows = []
    for await (const row of readApplications(decodeUtf8(inPieces(bytes, 7)))) rows.push(row)
    return rows
  }
  const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')

  it('rejects those lines only, so that two ids never become one', async () => {
    const rows = await rowsOf(
      Buffer.from(`\ufeff${HEADER}`),
      latin1(`Ren\xe9,${VALUES}`),
      latin1(`Ren\xe8,${VALUES}`),
      latin1(`"Ren\xe8",${VALUES}`),
      Buffer.from(`René,${VALUES}`),
      Buffer.from(`\ufffd,${VALUES}`),
    )
    const refused = { id: null, application: null, errors: ['bytes that are not UTF-8'] }
    expect(rows).toMatchObject([
      { line: 2, ...refused },
      { line: 3, ...refused },
      { line: 4, ...refused },
      { line: 5, id: 'René', errors: null },
      { line: 6, id: '\ufffd', errors: null },
    ])
  })

  it('refuses a file whose header is written otherwise, in UTF-16 for one', async () => {
    const utf16 = Buffer.from(`\ufeff${HEADER}\n`, 'utf16le')
    await expect(rowsOf(utf16)).rejects.toThrow('line 1: the header cannot be read: bytes that are not UTF-8')
  })
})

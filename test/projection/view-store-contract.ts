import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Build, RowChange, ViewStore } from '../../src/projection/index.ts'

export interface TestViews {
  /** The same views, as another process or a later one would open them. */
  views(): ViewStore
  readonly keeps: boolean
  remove(): Promise<void>
}

const row = (key: string, value: unknown, ...entries: string[]): RowChange => ({
  key,
  row: { value },
  entries: entries.map(entry => `${entry}\0${key}`),
})
const gone = (key: string): RowChange => ({ key, row: null, entries: [] })
const at = (position: number) => ({ position, appendId: `append-${position}` })
const ALL = { from: '', to: '\u{10ffff}', limit: 100, descending: false }

/** What every store of views must do. */
export const viewStoreContract = (name: string, make: () => TestViews): void => {
  describe(`views in ${name}`, () => {
    let test: TestViews
    let views: ViewStore
    beforeEach(async () => {
      test = make()
      views = test.views()
      await views.open()
    })
    afterEach(async () => {
      await views.close()
      await test.remove()
    })

    const keysIn = async (build: Build, range: Partial<typeof ALL> = {}): Promise<string[]> =>
      (await views.range(build, { ...ALL, ...range })).map(({ entry }) => entry.split('\0').at(-1)!)

    it('has no builds of a view that was never begun', async () => {
      expect(await views.builds('quotes')).toEqual({ live: null, next: null })
    })

    it('stores rows, entries and the offset in one write', async () => {
      const build = await views.begin('quotes', 3)
      expect(build).toEqual({ view: 'quotes', number: 1, version: 3 })
      await views.write(build, 2, 0, at(7), [row('b', 'two', 'by\x00y'), row('a', 'one', 'by\0x')])
      expect(await views.get(build, ['a', 'none', 'b'])).toEqual([{ value: 'one' }, null, { value: 'two' }])
      expect(await views.offsets(build)).toEqual(new Map([[2, at(7)]]))
      expect(await keysIn(build)).toEqual(['a', 'b'])
    })

    it('refuses a write that builds on another position, and writes nothing of it', async () => {
      const build = await views.begin('quotes', 1)
      await views.write(build, 0, 0, at(7), [row('a', 1)])
      await expect(views.write(build, 0, 5, at(9), [row('a', 2)])).rejects.toMatchObject({ code: 'VIEW_CONFLICT' })
      await expect(views.write(build, 0, 0, at(9), [row('b', 2)])).rejects.toMatchObject({ code: 'VIEW_CONFLICT' })
      expect(await views.get(build, ['a', 'b'])).toEqual([{ value: 1 }, null])
      expect(await views.offsets(build)).toEqual(new Map([[0, at(7)]]))
    })

    it('recognises a write that is sent again', async () => {
      const build = await views.begin('quotes', 1)
      await views.write(build, 0, 0, at(7), [row('a', 1)])
      await views.write(build, 0, 0, at(7), [row('a', 1)])
      expect(await views.offsets(build)).toEqual(new Map([[0, at(7)]]))
    })

    it('takes only one of two writes that come together', async () => {
      const build = await views.begin('quotes', 1)
      const ended = await Promise.allSettled([
        views.write(build, 0, 0, at(7), [row('a', 1)]),
        views.write(build, 0, 0, at(8), [row('a', 2)]),
      ])
      expect(ended.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    })

    it('forgets the entries of a row that changed or went', async () => {
      const build = await views.begin('quotes', 1)
      await views.write(build, 0, 0, at(1), [row('a', 1, 'by\0x', 'of\0q'), row('b', 1, 'by\0y')])
      await views.write(build, 0, 1, at(2), [row('a', 2, 'by\0z'), gone('b')])
      expect((await views.range(build, ALL)).map(({ entry, row }) => [entry, row])).toEqual([
        ['by\0z\0a', { value: 2 }],
      ])
      expect(await views.get(build, ['a', 'b'])).toEqual([{ value: 2 }, null])
    })

    it('gives a range from its start up to its end, in the order of bytes, either way, so many', async () => {
      const build = await views.begin('quotes', 1)
      const keys = ['1', '10', '2', 'Z', 'a', 'ä', '日', '😀', '\uffee']
      await views.write(
        build,
        0,
        0,
        at(1),
        keys.map(key => row(key, key, `by\0${key}`)),
      )
      const sorted = [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      expect(await keysIn(build)).toEqual(sorted)
      expect(await keysIn(build, { descending: true })).toEqual([...sorted].reverse())
      expect(await keysIn(build, { limit: 2 })).toEqual(['1', '10'])
      expect(await keysIn(build, { limit: 2, descending: true })).toEqual([...sorted].reverse().slice(0, 2))
      const [from, to] = ['by\x002\x002', 'by\0a\0a']
      expect(await keysIn(build, { from, to })).toEqual(['2', 'Z'])
      expect(await keysIn(build, { from, to, descending: true })).toEqual(['Z', '2'])
      expect(await keysIn(build, { from: to, to: from })).toEqual([])
    })

    it('keeps views and builds apart', async () => {
      const one = await views.begin('one', 1)
      const other = await views.begin('one-more', 1)
      await views.write(one, 0, 0, at(1), [row('a', 'one', 'by\0x')])
      expect(await views.get(other, ['a'])).toEqual([null])
      expect(await keysIn(other)).toEqual([])
      expect(await views.offsets(other)).toEqual(new Map())
    })

    it('switches to the next build in one, and drops the one that was live', async () => {
      const first = await views.begin('quotes', 1)
      await views.write(first, 0, 0, at(1), [row('a', 'old', 'by\0x')])
      await views.promote(first)
      expect(await views.builds('quotes')).toEqual({ live: first, next: null })
      const second = await views.begin('quotes', 2)
      await views.write(second, 0, 0, at(1), [row('a', 'new', 'by\0x')])
      expect(await views.builds('quotes')).toEqual({ live: first, next: second })
      expect(await views.get(first, ['a'])).toEqual([{ value: 'old' }])
      await views.promote(second)
      await views.promote(second)
      expect(await views.builds('quotes')).toEqual({ live: second, next: null })
      expect(await views.get(second, ['a'])).toEqual([{ value: 'new' }])
      const calls = [
        () => views.get(first, ['a']),
        () => views.range(first, ALL),
        () => views.offsets(first),
        () => views.write(first, 0, 1, at(2), []),
        () => views.promote(first),
      ]
      for (const call of calls) await expect(call()).rejects.toMatchObject({ code: 'VIEW_GONE' })
    })

    it('drops a next build for a later one, and never gives a number twice', async () => {
      const first = await views.begin('quotes', 1)
      await views.write(first, 0, 0, at(1), [row('a', 1)])
      const second = await views.begin('quotes', 1)
      expect(second.number).toBe(2)
      expect(await views.get(second, ['a'])).toEqual([null])
      await expect(views.get(first, ['a'])).rejects.toMatchObject({ code: 'VIEW_GONE' })
    })

    it('gives rows as they were: numbers, dates, bytes, nested, any key', async () => {
      const build = await views.begin('quotes', 1)
      const value = {
        at: new Date(5),
        bytes: new Uint8Array([1, 2]),
        list: [1, { deep: null }],
        big: 12n,
        text: '日\0',
      }
      const keys = ['with\0nul', '😀', 'constructor', 'k'.repeat(900)]
      await views.write(
        build,
        0,
        0,
        at(1),
        keys.map(key => row(key, value, 'by\0x')),
      )
      expect(await views.get(build, keys)).toEqual(keys.map(() => ({ value: { ...value, bytes: expect.anything() } })))
      expect(await views.range(build, ALL)).toHaveLength(keys.length)
      for (const { row } of await views.range(build, ALL)) expect(row).not.toBeNull()
    })

    it('writes and reads a thousand rows at once', async () => {
      const build = await views.begin('quotes', 1)
      const changes = Array.from({ length: 1_000 }, (_, i) => row(`${i}`, i, `by\0${1_000 + i}`, `of\0${i % 7}`))
      await views.write(build, 0, 0, at(1_000), changes)
      expect(await views.range(build, { ...ALL, from: 'by\0', to: 'by\x01', limit: 2_000 })).toHaveLength(1_000)
      expect(await views.get(build, ['0', '999'])).toEqual([{ value: 0 }, { value: 999 }])
    })

    it('writes rows with thousands of entries together, and again with some of them changed, kept and gone', async () => {
      const build = await views.begin('quotes', 1)
      const numbers = Array.from({ length: 400 }, (_, i) => i)
      const of = (i: number, round: number): RowChange =>
        row(`${i}`, round, ...Array.from({ length: 30 }, (_, nr) => `i${nr}\0${nr % 2 === 0 ? 0 : round}`))
      await views.write(
        build,
        0,
        0,
        at(1),
        numbers.map(i => of(i, 1)),
      )
      const changes = numbers.map(i => (i % 4 === 0 ? gone(`${i}`) : of(i, 2)))
      await views.write(build, 0, 1, at(2), changes)
      const found = await views.range(build, { ...ALL, limit: 20_000 })
      expect(found).toHaveLength(300 * 30)
      expect(found.every(({ row }) => (row as { value: number }).value === 2)).toBe(true)
      expect(found.filter(({ entry }) => entry.split('\0')[1] === '1')).toEqual([])
      expect(await views.get(build, ['0', '1'])).toEqual([null, { value: 2 }])
    })

    it('is closed after its close', async () => {
      await views.close()
      await expect(views.builds('quotes')).rejects.toMatchObject({ code: 'JOURNAL_CLOSED' })
    })

    it('finds after a new start what was written', async () => {
      if (!test.keeps) return
      const build = await views.begin('quotes', 2)
      await views.write(build, 3, 0, at(7), [row('a', 'one', 'by\0x')])
      await views.promote(build)
      await views.close()
      views = test.views()
      await views.open()
      expect(await views.builds('quotes')).toEqual({ live: build, next: null })
      expect(await views.offsets(build)).toEqual(new Map([[3, at(7)]]))
      expect(await views.get(build, ['a'])).toEqual([{ value: 'one' }])
      expect(await keysIn(build)).toEqual(['a'])
    })
  })
}

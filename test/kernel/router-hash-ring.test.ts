import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Cell } from '../../src/kernel/cell.ts'
import { HashRing } from '../../src/kernel/router-hash-ring.ts'

/** What the ring looks at: a path, and whether it takes messages. */
const place = (name: string, isClosed = false): Cell => ({ path: `/shop/${name}`, isClosed }) as unknown as Cell

const KEYS = Array.from({ length: 2_000 }, (_, index) => `customer-${index}`)

const owners = (members: readonly Cell[]): (Cell | null)[] => {
  const ring = new HashRing((key: string) => key)
  return KEYS.map(key => ring.pick(members, key))
}

const names = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 12 }), { minLength: 2, maxLength: 24 })

describe('a hash ring', () => {
  test('moves no keys but those that a new member takes over, or a member that goes leaves', () => {
    fc.assert(
      fc.property(names, fc.nat(), (all, choice) => {
        const members = all.map(name => place(name))
        const changing = members[choice % members.length] as Cell
        const without = members.filter(member => member !== changing)
        const before = owners(without)
        // Where it comes among the others makes no difference.
        const after = owners(members)
        for (let i = 0; i < KEYS.length; i++) if (after[i] !== before[i]) expect(after[i]).toBe(changing)
      }),
      { numRuns: 60 },
    )
  })

  test('moves about one key in n, at most twice that, for any names', () => {
    fc.assert(
      fc.property(names, all => {
        const members = all.map(name => place(name))
        const before = owners(members.slice(1))
        const moved = owners(members).filter((owner, index) => owner !== before[index]).length / KEYS.length
        const fair = 1 / members.length
        expect(moved).toBeGreaterThan(fair / 2)
        expect(moved).toBeLessThan(fair * 2)
      }),
      { numRuns: 60, seed: 7 },
    )
  })

  test('gives numbered members shares that are close to each other', () => {
    const members = Array.from({ length: 10 }, (_, index) => place(`$${index + 1}`))
    const counts = new Map<Cell | null, number>()
    for (const owner of owners(members)) counts.set(owner, (counts.get(owner) ?? 0) + 1)
    expect(counts.size).toBe(10)
    for (const count of counts.values()) {
      expect(count).toBeGreaterThan(120)
      expect(count).toBeLessThan(300)
    }
  })

  test('sends the keys of a closed member where they go without it', () => {
    fc.assert(
      fc.property(names, fc.nat(), (all, choice) => {
        const closed = choice % all.length
        const open = all.filter((_, index) => index !== closed).map(name => place(name))
        const mixed = all.map((name, index) => place(name, index === closed))
        expect(owners(mixed).map(owner => owner?.path)).toEqual(owners(open).map(owner => owner?.path))
      }),
      { numRuns: 30 },
    )
  })

  test('knows numbers as keys, and members by their path alone', () => {
    const ring = new HashRing((key: number) => key)
    const successor = new HashRing((key: string) => key)
    const [first, second] = [['a', 'b', 'c'].map(name => place(name)), ['a', 'b', 'c'].map(name => place(name))]
    for (let key = 0; key < 100; key++)
      expect(ring.pick(first, key)?.path).toBe(successor.pick(second, String(key))?.path)
  })

  test('picks none of none, and none of members that are all closed', () => {
    const ring = new HashRing((key: string) => key)
    expect(ring.pick([], 'x')).toBe(null)
    expect(ring.pick([place('a', true), place('b', true)], 'x')).toBe(null)
    expect(ring.pick([place('a')], 'x')?.path).toBe('/shop/a')
  })
})

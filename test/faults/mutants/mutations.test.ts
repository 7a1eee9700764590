import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { drawMutants } from './draw.ts'
import { mutated, mutationsOf } from './mutations.ts'

const all = (source: string): string[] => mutationsOf(source).map(mutation => mutated(source, mutation))

test('a comparison moves its boundary, and turns round', () => {
  expect(all('const due = (a: number) => { return a < limit }')).toEqual([
    'const due = (a: number) => { return undefined }',
    'const due = (a: number) => { return a <= limit }',
    'const due = (a: number) => { return a >= limit }',
  ])
})

test('a condition is always true, never, or the other way round', () => {
  expect(all('for (;;) if (isDue()) continue')).toEqual([
    'for (;;) if (true) continue',
    'for (;;) if (false) continue',
    'for (;;) if (!(isDue())) continue',
    'for (;;) if (isDue()) ;',
  ])
})

test('and is or, a default is what it stands in for, a question is none', () => {
  expect(all('x(a && b)')).toContain('x(a || b)')
  expect(all('x(a ?? b)')).toEqual([';', 'x(a)', 'x(b)'])
  expect(all('x = a?.b')).toEqual([';', 'x = a.b'])
  expect(all('x = a?.()')).toEqual([';', 'x = a()'])
})

test('steps and sums go the other way, numbers are others', () => {
  expect(all('let n = a + 1')).toEqual(['let n = a - 1', 'let n = a + 2', 'let n = a + 0'])
  expect(all('for (;;) { n++; break }')).toEqual([
    'for (;;) { ; break }',
    'for (;;) { n--; break }',
    'for (;;) { n++; ; }',
  ])
})

test('types, imports, texts and checks of ourselves stay as they are', () => {
  expect(all("import { a } from 'b'\ntype N = 1 | 2\ninterface I { readonly n: 0 }")).toEqual([])
  expect(all("assert(a < b, 'never')")).toEqual([])
  expect(all('const text = `$' + '{a + 1} of $' + '{b}`')).toEqual([])
  expect(all("const text = 'a' + b")).toEqual([])
})

test('an expression with a type beside it is still one', () => {
  expect(all('const b = (a as number)! < 3')).toEqual([
    'const b = (a as number)! <= 3',
    'const b = (a as number)! >= 3',
    'const b = (a as number)! < 4',
    'const b = (a as number)! < 0',
  ])
})

const folder = mkdtempSync(join(tmpdir(), 'troupe-mutations-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('the same seed draws the same mutants, another one others, and no more than there are', () => {
  const file = join(folder, 'drawn.ts')
  writeFileSync(file, Array.from({ length: 40 }, (_, i) => `if (a${i} < b) f(${i})`).join('\n'))
  const drawn = (count: number, seed: number) => drawMutants(file, count, seed).map(({ source }) => source)
  expect(drawn(10, 1)).toEqual(drawn(10, 1))
  expect(drawn(10, 1)).not.toEqual(drawn(10, 2))
  expect(new Set(drawn(10, 1)).size).toBe(10)
  writeFileSync(file, 'if (a) {\n  f(\n    b,\n  )\n}\n')
  expect(drawMutants(file, 100, 1).map(({ line, operator, after }) => [line, operator, after])).toContainEqual([
    2,
    'statement removed',
    ';',
  ])
  expect(drawMutants(file, 100, 1)).toHaveLength(4)
})

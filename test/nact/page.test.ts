import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const textOf = (path: string): string => readFileSync(join(import.meta.dirname, '../..', path), 'utf8')

it('every defect in the table of docs/nact.md names a test that shows it', () => {
  const defects = textOf('test/nact/defects.test.ts')
  const titles = [...defects.matchAll(/(?:it|describe)\((['`])(.*?)\1,/g)].map(([, , title]) => title ?? '')
  const rows = textOf('docs/nact.md')
    .split('\n')
    .filter(line => /^\|(.*\|){3}$/.test(line))
  const table = rows.slice(rows.indexOf('| nact 7.6.2 | here | `-t` |') + 2)
  const named = table.map(row => /`([^`]*)` \|$/.exec(row)?.[1]).filter(words => words !== undefined)
  expect(named.length).toBeGreaterThan(15)
  expect(named.filter(words => !titles.some(title => title.includes(words)))).toEqual([])
})

import { describe, expect, it } from 'vitest'
import { oddPrograms } from './odd-programs.ts'
import { programs } from './programs.ts'
import { here, nact, quietly } from './support.ts'

describe('a program for nact observes here what it observes on nact:', () => {
  for (const [name, program] of Object.entries({ ...programs, ...oddPrograms }))
    it(name, () =>
      quietly(async () => {
        const expected = await program(nact)
        expect(expected).not.toEqual([])
        expect(await program(here)).toEqual(expected)
      }),
    )
})

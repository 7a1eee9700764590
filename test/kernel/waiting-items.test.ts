import { expect, it } from 'vitest'
import { behavior } from '../../src/kernel/behavior.ts'
import type { Cell } from '../../src/kernel/cell.ts'
import type { MailboxOptions } from '../../src/kernel/mailbox-options.ts'
import { gate, Stage, settle } from './support.ts'

const told = async (mailbox?: MailboxOptions<number>) => {
  const stage = new Stage()
  const { opened, open } = gate()
  const handled: number[] = []
  const ref = stage.spawn(
    behavior<number, null>({
      initial: () => null,
      receive: async (state, message) => {
        handled.push(message)
        await opened
        return state
      },
      ...(mailbox === undefined ? {} : { mailbox }),
    }),
  )
  await settle()
  return { stage, ref, cell: ref as unknown as Cell, handled, open }
}

it('a look at what waits shows it oldest first, and leaves it there', async () => {
  const { stage, ref, cell, handled, open } = await told()
  expect(cell.waitingItems).toEqual([])
  for (let nr = 0; nr < 20; nr++) ref.tell(nr)
  expect(cell.waitingItems).toEqual(Array.from({ length: 20 }, (_, nr) => nr))
  await settle()
  for (let look = 0; look < 2; look++) expect(cell.waitingItems).toEqual(Array.from({ length: 19 }, (_, nr) => nr + 1))
  open()
  await settle()
  expect(handled).toEqual(Array.from({ length: 20 }, (_, nr) => nr))
  await stage[Symbol.asyncDispose]()
})

it('where the mailbox has priorities it shows all, and does not change their order', async () => {
  const { stage, ref, cell, handled, open } = await told({ priority: nr => nr })
  ref.tell(5)
  await settle()
  for (const nr of [3, 9, 1]) ref.tell(nr)
  expect((cell.waitingItems as number[]).toSorted()).toEqual([1, 3, 9])
  open()
  await settle()
  expect(handled).toEqual([5, 1, 3, 9])
  await stage[Symbol.asyncDispose]()
})

import { expect, test } from 'vitest'
import { OneByOne } from '../../src/base/one-by-one.ts'
import { gate, rejection, settle } from '../kernel/support.ts'

test('begins a thing when the one before it has ended, and gives each its own outcome', async () => {
  const line = new OneByOne()
  const { opened, open } = gate()
  const begun: string[] = []
  const first = line.run(async () => {
    begun.push('first')
    await opened
    throw new Error('only mine')
  })
  const second = line.run(async () => {
    begun.push('second')
    return 2
  })
  await settle()
  expect(begun).toEqual(['first'])
  open()
  expect((await rejection(first)).message).toBe('only mine')
  expect(await second).toBe(2)
})

test('has settled when all that was asked for has ended, a failure among it', async () => {
  const line = new OneByOne()
  let ended = 0
  const failing = rejection(
    line.run(async () => {
      ended++
      throw new Error('failed')
    }),
  )
  const last = line.run(async () => {
    await settle()
    ended++
  })
  await line.settled()
  expect(ended).toBe(2)
  await Promise.all([failing, last])
})

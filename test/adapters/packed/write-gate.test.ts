import { expect, it } from 'vitest'
import { WriteGate } from '../../../src/adapters/packed/write-gate.ts'

/** A gate, what began and ended in it in order, and the ends of its writes to be called. */
const gated = () => {
  const gate = new WriteGate()
  const seen: string[] = []
  const ends = new Map<string, (error?: Error) => void>()
  const write = (name: string) => () => {
    seen.push(`${name} begins`)
    return new Promise<string>((resolve, reject) => {
      ends.set(name, error => {
        seen.push(`${name} ends`)
        if (error === undefined) resolve(name)
        else reject(error)
      })
    })
  }
  const end = async (name: string, error?: Error): Promise<void> => {
    ends.get(name)!(error)
    await new Promise(resolve => setImmediate(resolve))
  }
  return { gate, seen, write, end }
}

it('lets writes go side by side, at once', () => {
  const { gate, seen, write } = gated()
  void gate.beside(write('a'))
  void gate.beside(write('b'))
  expect(seen).toEqual(['a begins', 'b begins'])
})

it('lets one go alone: after those under way, also where one fails, and before those that come', async () => {
  const { gate, seen, write, end } = gated()
  const failing = gate.beside(write('a'))
  failing.catch(() => undefined)
  void gate.beside(write('b'))
  const alone = gate.alone(write('c'))
  void gate.beside(write('d'))
  await end('b')
  expect(seen).toEqual(['a begins', 'b begins', 'b ends'])
  await end('a', new Error('full'))
  expect(seen.slice(3)).toEqual(['a ends', 'c begins'])
  await end('c')
  expect(await alone).toBe('c')
  expect(seen.slice(5)).toEqual(['c ends', 'd begins'])
  await expect(failing).rejects.toThrow('full')
})

it('lets those that go alone go one after the other, and opens again where the last one fails', async () => {
  const { gate, seen, write, end } = gated()
  void gate.alone(write('a'))
  const failing = gate.alone(write('b'))
  failing.catch(() => undefined)
  await new Promise(resolve => setImmediate(resolve))
  expect(seen).toEqual(['a begins'])
  await end('a')
  expect(seen).toEqual(['a begins', 'a ends', 'b begins'])
  await end('b', new Error('full'))
  void gate.beside(write('c'))
  expect(seen.at(-1)).toBe('c begins')
  await end('c')
  await gate.settled()
})

import type { MessageSource, SourceMessage } from 'troupe/messaging'
import { type ContractCase, type SourceTestBus, sourceContract } from 'troupe/testkit'
import { describe, expect, test } from 'vitest'

/** A bus of a user's own: a list of what was published, and for each group the places that are done. */
const listBus = () => {
  const published: string[] = []
  const readers = new Set<() => void>()
  const doneOf = new Map<string, Set<number>>()
  return {
    publish: async (label: string) => {
      published.push(label)
      for (const wake of readers) wake()
    },
    source(group: string): MessageSource {
      const done = doneOf.get(group) ?? new Set<number>()
      doneOf.set(group, done)
      let next = 0
      let wakes: (() => void) | null = null
      const messageAt = (position: number): SourceMessage => ({
        partition: 0,
        position,
        type: 'Said',
        payload: published[position],
        id: `id-${position}`,
        correlationId: null,
      })
      return {
        group,
        async open(wake) {
          next = 0
          wakes = wake
          readers.add(wake)
        },
        next() {
          if (wakes === null) return null
          while (done.has(next)) next++
          return next < published.length ? messageAt(next++) : null
        },
        done: ({ position }) => void done.add(position as number),
        again: async (_partition, positions) => positions.map(messageAt),
        givenTo: () => next - 1,
        async close() {
          if (wakes !== null) readers.delete(wakes)
          wakes = null
        },
      }
    },
  }
}

/** How a source differs from one that is right. */
type Change = (inner: MessageSource) => Partial<MessageSource>

const casesOf = (change: Change): readonly ContractCase[] =>
  sourceContract(
    async (): Promise<SourceTestBus> => {
      const bus = listBus()
      return {
        publish: bus.publish,
        source: group => {
          const inner = bus.source(group)
          return { ...inner, ...change(inner) }
        },
        labelOf: message => message.payload as string,
        pause: async () => undefined,
        remove: async () => undefined,
      }
    },
    { quietPauses: 3 },
  )

const brokenBy = async (change: Change): Promise<readonly string[]> => {
  const broken: string[] = []
  for (const { name, run } of casesOf(change)) await run().catch(() => broken.push(name))
  return broken
}

describe('the contract of a message source', () => {
  test('is fulfilled by one that is right', async () => {
    expect(await brokenBy(() => ({}))).toEqual([])
  })

  test.each<readonly [what: string, case_: RegExp, change: Change]>([
    [
      'does not wake its reader',
      /wakes its reader/,
      inner => ({ open: async fail => inner.open(() => undefined, fail) }),
    ],
    [
      'gives a message twice',
      /in order/,
      inner => {
        let last: SourceMessage | null = null
        return {
          next: () => {
            const again = last
            last = again === null ? inner.next() : null
            return again ?? last
          },
        }
      },
    ],
    [
      'has one id for all',
      /ids that differ/,
      inner => ({
        next: () => {
          const message = inner.next()
          return message && { ...message, id: 'one' }
        },
      }),
    ],
    ['forgets what is done', /not what was/, () => ({ done: () => undefined })],
    [
      'takes what precedes a message for done with it',
      /`done` in any order/,
      inner => ({
        done: message => {
          for (let position = 0; position <= (message.position as number); position++)
            inner.done({ ...message, position })
        },
      }),
    ],
    [
      'goes on behind what it gave when it is opened again',
      /begins anew/,
      inner => {
        let opened = false
        return {
          open: async (wake, fail) => {
            if (!opened) await inner.open(wake, fail)
            opened = true
          },
        }
      },
    ],
    ['reads another message again', /reads again/, inner => ({ again: async () => [inner.next() as SourceMessage] })],
    ['says that it has given less than it has', /up to where it has given/, () => ({ givenTo: () => 0 })],
    ['has one progress for all groups', /groups apart/, inner => (inner.group === 'two' ? { next: () => null } : {})],
    ['reads on after its close', /nothing after it was closed/, () => ({ close: async () => undefined })],
  ])('finds one that %s', async (_what, name, change) => {
    expect(await brokenBy(change)).toContainEqual(expect.stringMatching(name))
  })
})

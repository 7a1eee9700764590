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
        payload: { label: published[position], at: new Date(position) },
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

/** How the sources of a bus differ from those that are right: called for each bus, and what it gives for each source. */
type BusChange = () => Change
type Change = (inner: MessageSource) => Partial<MessageSource>

const casesOf = (changeOf: BusChange): readonly ContractCase[] =>
  sourceContract(
    async (): Promise<SourceTestBus> => {
      const bus = listBus()
      const change = changeOf()
      return {
        publish: bus.publish,
        source: group => {
          const inner = bus.source(group)
          return { ...inner, ...change(inner) }
        },
        labelOf: message => (message.payload as { label: string }).label,
        pause: async () => undefined,
        remove: async () => undefined,
      }
    },
    { quietPauses: 3 },
  )

/** Names of those of the cases that it breaks. */
const brokenBy = async (change: BusChange, which = /./): Promise<readonly string[]> => {
  const broken: string[] = []
  for (const { name, run } of casesOf(change)) if (which.test(name)) await run().catch(() => broken.push(name))
  return broken
}

/** What outlives a source of a bus, each time that a new one is made. */
const onEachBus =
  <Kept>(kept: () => Kept, change: (inner: MessageSource, kept: Kept) => Partial<MessageSource>): BusChange =>
  () => {
    const ofBus = kept()
    return inner => change(inner, ofBus)
  }

/** A source that gives other messages the second time, from a restart on. */
const redelivering = (changed: (message: SourceMessage) => SourceMessage): BusChange =>
  onEachBus(
    () => new Set<string>(),
    (inner, given) => ({
      next: () => {
        const message = inner.next()
        if (message === null || !given.has(message.id)) {
          if (message !== null) given.add(message.id)
          return message
        }
        return changed(message)
      },
    }),
  )

describe('the contract of a message source', () => {
  test('is fulfilled by one that is right', async () => {
    expect(await brokenBy(() => () => ({}))).toEqual([])
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
    [
      'loses what comes beyond the 8th that is not done',
      /holds many/,
      inner => {
        let given = 0
        return { next: () => (++given > 8 ? null : inner.next()) }
      },
    ],
    [
      'takes the next one for done with it, from the sixth on',
      /holds many/,
      inner => ({
        done: message => {
          inner.done(message)
          if ((message.position as number) >= 5) inner.done({ ...message, position: (message.position as number) + 1 })
        },
      }),
    ],
    ['counts as given what it has yet to give', /yet to give/, () => ({ givenTo: () => 1e9 })],
    [
      'counts the next one as given',
      /yet to give/,
      inner => ({ givenTo: partition => (inner.givenTo?.(partition) ?? 0) + 1 }),
    ],
    [
      'reads no more than two messages again',
      /reads again/,
      inner => ({
        again: async (partition, positions) => (await inner.again?.(partition, positions.slice(0, 2))) ?? [],
      }),
    ],
  ])('finds one that %s', async (_what, name, change) => {
    expect(await brokenBy(() => change, name)).toContainEqual(expect.stringMatching(name))
  })

  test.each<readonly [what: string, case_: RegExp, change: BusChange]>([
    [
      'gives another type after a restart',
      /as the same messages/,
      redelivering(message => ({ ...message, type: 'Other' })),
    ],
    [
      'loses a part of the payload after a restart',
      /as the same messages/,
      redelivering(({ payload, ...message }) => ({
        ...message,
        payload: { label: (payload as { label: string }).label },
      })),
    ],
    [
      'gives another correlation id after a restart',
      /as the same messages/,
      redelivering(message => ({ ...message, correlationId: 'another' })),
    ],
    [
      'remembers eight that are done, and no more',
      /holds many/,
      onEachBus(
        () => new Set<string>(),
        (inner, done) => ({
          done: message => {
            if (done.size < 8) inner.done(message)
            done.add(message.id)
          },
        }),
      ),
    ],
    [
      'loses what it has given behind the fifth when it is closed',
      /holds many/,
      () => inner => {
        const given: SourceMessage[] = []
        return {
          next: () => {
            const message = inner.next()
            if (message !== null) given.push(message)
            return message
          },
          close: async () => {
            for (const message of given) if ((message.position as number) > 4) inner.done(message)
            await inner.close()
          },
        }
      },
    ],
  ])('finds one that %s', async (_what, name, change) => {
    expect(await brokenBy(change, name)).toContainEqual(expect.stringMatching(name))
  })
})

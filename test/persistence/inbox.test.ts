import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Inbox } from '../../src/persistence/inbox.ts'
import { handled } from './support.ts'

const has = (inbox: Inbox, position: number): boolean => inbox.has('bridge', 0, position)

test('knows what was handled, and what was overtaken and is yet to come', () => {
  const inbox = new Inbox()
  inbox.note(handled(3, [2]))
  expect([1, 2, 3, 4].map(position => has(inbox, position))).toEqual([true, false, true, false])
  inbox.note(handled(2))
  expect(has(inbox, 2)).toBe(true)
})

test('keeps sources and partitions apart', () => {
  const inbox = new Inbox()
  inbox.note(handled(3))
  expect(inbox.has('other', 0, 3)).toBe(false)
  expect(inbox.has('bridge', 1, 3)).toBe(false)
})

test('takes no handled position for an overtaken one, though its sender may not know yet', () => {
  const inbox = new Inbox()
  inbox.note(handled(3))
  inbox.note(handled(5))
  inbox.note(handled(7, [3, 6]))
  expect([3, 6].map(position => has(inbox, position))).toEqual([true, false])
})

test('has nothing stored that it knows already: neither what it handled nor what is not lower', () => {
  const inbox = new Inbox()
  inbox.note(handled(3, [2]))
  expect(inbox.outstandingOf(handled(6, [1, 2, 3, 4, 5, 6, 7]))).toEqual([4, 5])
  expect(inbox.outstandingOf(handled(4, [3]))).toEqual([])
})

test('says for those sent behind a skipped message that it is yet to come', () => {
  const inbox = new Inbox()
  inbox.note(handled(1))
  inbox.skip(handled(3))
  expect(inbox.outstandingOf(handled(5, [2]))).toEqual([2, 3])
  expect(inbox.outstandingOf(handled(5, [2, 3]))).toEqual([2, 3])
  expect(inbox.outstandingOf(handled(2))).toEqual([])
  expect(inbox.outstandingOf(handled(5, [1, 2]))).toEqual([2, 3])
  inbox.note(handled(5, inbox.outstandingOf(handled(5, [2]))))
  expect([2, 3, 5].map(position => has(inbox, position))).toEqual([false, false, true])
})

test('says so for the very first message too', () => {
  const inbox = new Inbox()
  inbox.skip(handled(1))
  expect(has(inbox, 1)).toBe(false)
  expect(inbox.outstandingOf(handled(2))).toEqual([1])
})

test('forgets that a message was skipped once it is handled', () => {
  const inbox = new Inbox()
  inbox.skip(handled(1))
  inbox.note(handled(1))
  expect(has(inbox, 1)).toBe(true)
  expect(inbox.outstandingOf(handled(2))).toEqual([])
})

test('has each overtaken position stored with one message, not with all that overtake it', () => {
  const inbox = new Inbox()
  const stored: number[] = []
  const waiting = Array.from({ length: 1_000 }, (_, i) => 2 * i + 1)
  for (let position = 2; position <= 2_000; position += 2) {
    const outstanding = inbox.outstandingOf(handled(position, waiting))
    stored.push(...outstanding)
    inbox.note(handled(position, outstanding))
  }
  expect(stored).toEqual(waiting)
  expect(inbox.outstandingOf(handled(5, [1, 3]))).toEqual([])
  for (const position of waiting) {
    expect(has(inbox, position)).toBe(false)
    inbox.note(handled(position))
    expect(has(inbox, position)).toBe(true)
  }
})

test('what a snapshot has of an inbox does not change with it', () => {
  const inbox = new Inbox()
  inbox.note(handled(5, [2, 3]))
  const marks = inbox.toMarks()
  const other = Inbox.of(marks)
  inbox.note(handled(2))
  inbox.note(handled(7, [6]))
  expect(marks).toEqual([['bridge', 0, 5, [2, 3]]])
  expect(has(other, 2)).toBe(false)
  other.note(handled(3))
  expect(marks).toEqual([['bridge', 0, 5, [2, 3]]])
})

/**
 * A sender with several keys, whose messages overtake one another; a receiver that handles, refuses, crashes (what was not
 * stored is forgotten, what was stored may be unknown to the sender) and takes snapshots. The model is a set of positions.
 */
type Step =
  | { readonly type: 'send'; readonly which: number }
  | { readonly type: 'handle' | 'refuse' | 'crash' | 'snapshot' | 'acknowledge' }

const someStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant('send' as const), which: fc.nat(20) }) },
  { weight: 6, arbitrary: fc.record({ type: fc.constant('handle' as const) }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('acknowledge' as const) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constantFrom('refuse', 'crash', 'snapshot') }) },
)

test('each position has its effect exactly once, whatever overtakes, fails and comes again', () => {
  fc.assert(
    fc.property(fc.array(someStep, { maxLength: 120 }), steps => {
      const total = 21
      const effects = new Map<number, number>()
      /** Not with the receiver; handled ones whose acknowledgement is lost or late are in neither. */
      let aside = Array.from({ length: total }, (_, i) => i + 1)
      let mailbox: { position: number; outstanding: readonly number[] }[] = []
      let unacknowledged: number[] = []
      const log: ReturnType<typeof handled>[] = []
      let snapshot = { marks: new Inbox().toMarks(), at: 0 }
      let inbox = new Inbox()

      const send = (position: number): void => {
        aside = aside.filter(other => other !== position)
        mailbox.push({ position, outstanding: aside.filter(other => other < position) })
      }
      const handle = (): void => {
        const message = mailbox.shift()
        if (message === undefined) return
        const { position } = message
        unacknowledged.push(position)
        if (has(inbox, position)) return
        const noted = handled(position, inbox.outstandingOf(handled(position, message.outstanding)))
        log.push(noted)
        inbox.note(noted)
        effects.set(position, (effects.get(position) ?? 0) + 1)
      }
      const crash = (): void => {
        aside = [...aside, ...unacknowledged, ...mailbox.map(message => message.position)].sort((a, b) => a - b)
        unacknowledged = []
        mailbox = []
        inbox = Inbox.of(snapshot.marks)
        for (const noted of log.slice(snapshot.at)) inbox.note(noted)
      }
      const refuse = (): void => {
        const message = mailbox.shift()
        if (message === undefined || has(inbox, message.position)) return
        inbox.skip(handled(message.position))
        aside = [...aside, message.position].sort((a, b) => a - b)
      }

      for (const step of steps)
        switch (step.type) {
          case 'send':
            if (aside.length > 0) send(aside[step.which % aside.length]!)
            break
          case 'handle':
            handle()
            break
          case 'refuse':
            refuse()
            break
          case 'crash':
            crash()
            break
          case 'snapshot':
            snapshot = { marks: inbox.toMarks(), at: log.length }
            break
          case 'acknowledge':
            unacknowledged.shift()
        }
      // At the end everything that the sender does not know to be handled is sent once more.
      while (mailbox.length > 0) handle()
      crash()
      while (aside.length > 0) send(aside[0]!)
      while (mailbox.length > 0) handle()
      expect([...effects.values()]).toEqual(Array.from({ length: total }, () => 1))
    }),
    { numRuns: 2_000 },
  )
})

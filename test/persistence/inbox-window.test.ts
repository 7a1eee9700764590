import { expect, test } from 'vitest'
import { Inbox } from '../../src/persistence/inbox.ts'
import { INBOX_WINDOW, InboxWindow } from '../../src/persistence/inbox-window.ts'

const delivered = (id: string, source = 'bridge') => ({ source, partition: 0, position: null, id })
const handled = (id: string, source = 'bridge') => ({ source, position: null, id })

test('knows the last 1,000 ids and no more', () => {
  expect(INBOX_WINDOW).toBe(1_000)
  const window = new InboxWindow()
  for (let i = 0; i < INBOX_WINDOW; i++) window.note(`id-${i}`)
  expect(window.has('id-0')).toBe(true)
  window.note('id-1000')
  expect(window.has('id-0')).toBe(false)
  expect(window.has('id-1')).toBe(true)
  expect(window.toIds()).toHaveLength(INBOX_WINDOW)
})

test('goes on where its ids were stored', () => {
  const window = new InboxWindow(['a', 'b'])
  for (let i = 0; i < INBOX_WINDOW - 1; i++) window.note(`id-${i}`)
  expect(window.has('a')).toBe(false)
  expect(window.has('b')).toBe(true)
})

test('an inbox keeps a window for each source without positions, beside its marks, in snapshots too', () => {
  const inbox = new Inbox()
  inbox.note({ source: 'log', partition: 3, position: 8, outstanding: [4] })
  inbox.note(handled('/shop 1'))
  inbox.note(handled('/shop 1', 'other'))
  inbox.note(handled('/shop 2'))
  for (const kept of [inbox, Inbox.of(inbox.toMarks())]) {
    expect(kept.hasHandled(delivered('/shop 1'))).toBe(true)
    expect(kept.hasHandled(delivered('/shop 2'))).toBe(true)
    expect(kept.hasHandled(delivered('/shop 2', 'other'))).toBe(false)
    expect(kept.hasHandled(delivered('/shop 3'))).toBe(false)
    expect(kept.hasHandled({ source: 'log', partition: 3, position: 7, id: 'x' })).toBe(true)
    expect(kept.hasHandled({ source: 'log', partition: 3, position: 4, id: 'x' })).toBe(false)
  }
})

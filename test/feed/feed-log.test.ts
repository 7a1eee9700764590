import { afterEach, describe, expect, it } from 'vitest'
import { silentLogger } from '../../src/base/logger.ts'
import { feedHandler, feedStream } from '../../src/feed/index.ts'
import type { Journal } from '../../src/persistence/journal.ts'
import { type MemoryStore, memoryJournal, memoryStore } from '../../src/persistence/memory-journal.ts'
import { definition, FeedOffice, type Noted, type Page, until } from './support.ts'

const open: FeedOffice[] = []
const opened = async (...given: Parameters<typeof FeedOffice.open>): Promise<FeedOffice> => {
  const office = await FeedOffice.open(...given)
  open.push(office)
  return office
}
const closed = async (office: FeedOffice): Promise<void> => {
  await office.close()
  open.splice(open.indexOf(office), 1)
}

afterEach(async () => {
  for (const office of open.splice(0)) await office.close()
})

const textsOf = async ({ stream }: FeedOffice, from = 1): Promise<string[]> =>
  (await stream.log.read(from, stream.last)).map(text => (JSON.parse(text) as { data: Noted }).data.text)

const sequencesOf = async ({ stream }: FeedOffice): Promise<number[]> =>
  (await stream.log.read(1, stream.last)).map(text => Number((JSON.parse(text) as { sequence: string }).sequence))

const oneTo = (last: number): number[] => Array.from({ length: last }, (_, i) => i + 1)

/** As after a failover to a replica that lacks what was written last: a copy of a store, cut after `positions`. */
const replicaOf = (store: MemoryStore, positions: number): MemoryStore => {
  const replica = memoryStore(store.partitions.length)
  for (const [nr, { log, epoch, cursors }] of store.partitions.entries()) {
    const partition = replica.partitions[nr]!
    partition.epoch = epoch
    for (const [group, position] of cursors) partition.cursors.set(group, position)
    for (const append of log) {
      if (append.position + append.records.length - 1 > positions) break
      partition.log.push(append)
      partition.lastPosition += append.records.length
      const stream = partition.streams.get(append.persistenceId)
      if (stream === undefined) partition.streams.set(append.persistenceId, [append])
      else stream.push(append)
    }
  }
  return replica
}

const withLineage = (store: MemoryStore, lineage: string): Journal =>
  Object.assign(memoryJournal({ store }), { lineage })

describe('a feed in its store', () => {
  it('publishes what was in the log before it began, and goes on after a restart where it was', async () => {
    const store = memoryStore(4)
    const first = await opened(memoryJournal({ store }))
    for (let i = 0; i < 8; i++) await first.write(9, `note|${i}`)
    await until(() => first.stream.last === 72)
    const { incarnation } = first.stream.log
    const texts = await textsOf(first)
    await closed(first)
    const second = await opened(memoryJournal({ store }))
    expect(second.stream.log.incarnation).toBe(incarnation)
    expect(await textsOf(second)).toEqual(texts)
    await second.publish(5, 'note|new')
    expect(await sequencesOf(second)).toEqual(oneTo(77))
    expect(new Set(await textsOf(second, 1)).size).toBe(72)
  })

  it('keeps the order of each entity', async () => {
    const office = await opened(memoryJournal({ store: memoryStore(4) }))
    const ids = ['a', 'b', 'c', 'd', 'e']
    await Promise.all(oneTo(40).flatMap(i => ids.map(id => office.append(`note|${id}`, `${id} ${i}`))))
    await until(() => office.stream.last === 200)
    const texts = await textsOf(office)
    for (const id of ids) expect(texts.filter(text => text.startsWith(id))).toEqual(oneTo(40).map(i => `${id} ${i}`))
  })

  it('puts each event in once, whichever write of the publisher fails or loses its answer', async () => {
    for (let at = 1; at <= 12; at++)
      for (const fault of ['fails', 'answer-lost'] as const) {
        const store = memoryStore()
        const journal = memoryJournal({ store })
        const commit = journal.commit.bind(journal)
        let commits = Number.NEGATIVE_INFINITY
        journal.commit = async (partition, appends, cursors) => {
          const isFeed = appends.some(({ persistenceId }) => persistenceId.startsWith('feed|'))
          const isNow = isFeed && ++commits === at
          if (isNow && fault === 'fails') throw new Error('the disk says no')
          const results = await commit(partition, appends, cursors)
          if (isNow) throw new Error('the answer is lost')
          return results
        }
        const office = await opened(journal)
        commits = 0
        for (let i = 0; i < 8; i++) {
          const text = `${at} ${i}`
          // A write that shares its commit with the feed's may fail with it: then it is written again, by itself.
          await office.append(`note|${i}`, text).catch(() => undefined)
        }
        await until(() => office.store.lastPosition(0) > 0 && office.stream.last >= logged(store).length)
        expect(await textsOf(office)).toEqual(logged(store))
        expect(await sequencesOf(office)).toEqual(oneTo(logged(store).length))
        await closed(office)
      }
  })

  it('leaves no gap and no double where one of several pages that were written at once is not there', async () => {
    for (let at = 1; at <= 10; at++) {
      const store = memoryStore(4)
      const journal = memoryJournal({ store })
      const commit = journal.commit.bind(journal)
      let commits = Number.NEGATIVE_INFINITY
      journal.commit = async (partition, appends, cursors) => {
        const isFeed = appends.some(({ persistenceId }) => persistenceId.startsWith('feed|'))
        if (isFeed && ++commits === at) throw new Error('the disk says no')
        return commit(partition, appends, cursors)
      }
      const office = await opened(journal, { ...definition, pageSize: 2 })
      commits = 0
      await Promise.allSettled(oneTo(40).map(i => office.append(`note|${i}`, `text ${i}`)))
      const written = store.partitions.flatMap(({ log }) => log.filter(each => each.persistenceId.startsWith('note|')))
      await until(() => office.stream.last >= written.length)
      expect(await sequencesOf(office)).toEqual(oneTo(written.length))
      expect(new Set(await textsOf(office)).size).toBe(written.length)
      await closed(office)
    }
  })

  it('begins another incarnation where a process died between several pages that it wrote at once', async () => {
    const store = memoryStore()
    const first = await opened(memoryJournal({ store }))
    await first.publish(15)
    await first.publish(40)
    const { incarnation } = first.stream.log
    await closed(first)
    store.partitions[0]!.streams.delete(`feed|notes|${incarnation}|3`)
    const second = await opened(memoryJournal({ store }))
    await until(() => second.stream.last === 55)
    expect(second.stream.log.agreesTo(incarnation)).toBe(20)
    expect(await textsOf(second)).toEqual(oneTo(55).map(i => `text ${i}`))
  })

  it('is byte-identical from every node, page by page, for ever', async () => {
    const store = memoryStore(4)
    const journal = memoryJournal({ store })
    const first = await opened(journal)
    await first.publish(35)
    const bodies = async (office: FeedOffice): Promise<string[]> => {
      const handler = feedHandler({ streams: [office.stream], logger: silentLogger })
      const i = office.stream.log.incarnation
      return Promise.all(
        ['1-10', '11-20', '21-30'].map(async range => {
          const response = await handler.handle(new Request(`http://feed.test/streams/notes/previous/${range}?i=${i}`))
          return `${response.headers.get('etag')} ${response.headers.get('link')} ${await response.text()}`
        }),
      )
    }
    const before = await bodies(first)
    await first.publish(30)
    expect(await bodies(first)).toEqual(before)
    await closed(first)
    // What the definition makes of events by then changes nothing of what was published.
    const changed = await opened(memoryJournal({ store }), {
      ...definition,
      toEvent: () => ({ type: 'Changed', data: null }),
    })
    expect(await bodies(changed)).toEqual(before)
  })

  it('begins another incarnation where the store has lost what was acknowledged, and says up to where they agree', async () => {
    const store = memoryStore()
    const first = await opened(withLineage(store, 'master'))
    await first.publish(14)
    const kept = store.partitions[0]!.lastPosition
    await first.publish(9)
    const old = first.stream.log.incarnation
    const lost = await textsOf(first)
    await closed(first)
    const second = await opened(withLineage(replicaOf(store, kept), 'replica'))
    expect(second.stream.log.incarnation).not.toBe(old)
    expect(second.stream.log.agreesTo(old)).toBe(14)
    expect(second.stream.last).toBe(14)
    expect(await textsOf(second)).toEqual(lost.slice(0, 14))
    await second.publish(10, 'note|2')
    expect(await sequencesOf(second)).toEqual(oneTo(24))
    const handler = feedHandler({ streams: [second.stream], logger: silentLogger })
    const of = (i: string) => handler.handle(new Request(`http://feed.test/streams/notes/previous/11-20?i=${i}`))
    expect((await of(old)).status).toBe(410)
    const page = (await (await of(second.stream.log.incarnation)).json()) as Page
    expect(page.events.map(event => Number(event.sequence))).toEqual(oneTo(20).slice(10))
  })

  it('begins another incarnation with another lineage even where nothing is missing, since nobody could tell', async () => {
    const store = memoryStore()
    const first = await opened(withLineage(store, 'one'))
    await first.publish(23)
    const old = first.stream.log.incarnation
    await closed(first)
    const second = await opened(withLineage(store, 'two'))
    expect(second.stream.log.incarnation).not.toBe(old)
    expect(second.stream.log.agreesTo(old)).toBe(23)
    await second.publish(20, 'note|2')
    expect(await sequencesOf(second)).toEqual(oneTo(43))
    await closed(second)
    const third = await opened(withLineage(store, 'two'))
    expect(third.stream.log.agreesTo(old)).toBe(23)
    expect(await sequencesOf(third)).toEqual(oneTo(43))
  })

  it('leaves out a page beyond one that lost its end', async () => {
    const store = memoryStore()
    const first = await opened(withLineage(store, 'one'))
    await first.publish(14)
    await first.publish(14)
    const { incarnation } = first.stream.log
    await closed(first)
    // A replica of one part may lag more than that of another: the second page is short, the third is whole.
    const { streams } = store.partitions[0]!
    const second = streams.get(`feed|notes|${incarnation}|2`)!
    streams.set(`feed|notes|${incarnation}|2`, [second[0]!])
    const after = await opened(withLineage(store, 'two'))
    await until(() => after.stream.last === 28)
    expect(after.stream.log.agreesTo(incarnation)).toBe(10 + second[0]!.records.length)
    expect(await sequencesOf(after)).toEqual(oneTo(28))
    expect(await textsOf(after)).toEqual(oneTo(28).map(i => `text ${i}`))
  })

  it('answers 410 for what is archived, with a link to the oldest', async () => {
    const office = await opened()
    await office.publish(35)
    await expect(office.stream.archive(15)).rejects.toMatchObject({ code: 'FEED_MISCONFIGURED' })
    await expect(office.stream.archive(40)).rejects.toMatchObject({ code: 'FEED_MISCONFIGURED' })
    await office.stream.archive(20)
    const handler = feedHandler({ streams: [office.stream], logger: silentLogger })
    const get = (path: string) => handler.handle(new Request(`http://feed.test/streams/notes/${path}`))
    const gone = await get('previous/11-20')
    const i = office.stream.log.incarnation
    expect(gone.status).toBe(410)
    expect(gone.headers.get('link')).toContain(`</streams/notes/previous/21-30?i=${i}>; rel="first"`)
    expect((await get('previous/20-25')).status).toBe(410)
    expect((await get('previous/21-30')).status).toBe(200)
    expect((await get('first')).headers.get('location')).toBe(`/streams/notes/previous/21-30?i=${i}`)
  })

  it('refuses another page size than it was begun with, and definitions that make no sense', async () => {
    const store = memoryStore()
    await closed(await opened(memoryJournal({ store })))
    const office = await opened(memoryJournal({ store }))
    const other = feedStream({ ...definition, pageSize: 20 }, office.store)
    await expect(other.log.open()).rejects.toMatchObject({ code: 'FEED_MISCONFIGURED' })
    for (const wrong of [
      { name: 'a/b' },
      { name: '' },
      { events: [] },
      { pageSize: 0 },
      { pageSize: 1_001 },
      { source: ' ' },
    ])
      expect(() => feedStream({ ...definition, ...wrong }, office.store)).toThrow(
        expect.objectContaining({ code: 'DEFINITION_INVALID' }),
      )
  })

  it('has one publisher of a stream in a process', async () => {
    const office = await opened()
    const again = feedStream(definition, office.store)
    const ref = office.system.spawn(again.publisher.behavior, { name: 'again' })
    await expect(ref.ask(() => ({ type: 'wake' }) as never)).rejects.toThrow()
    expect(again.log.isOpen).toBe(false)
  })

  it('leaves out what toEvent gives null for, and the data of an event that is too large', async () => {
    const office = await opened(undefined, {
      ...definition,
      toEvent: ({ text }, { persistenceId }) =>
        text.startsWith('no') ? null : { type: 'Said', subject: persistenceId, data: { text } },
    })
    await office.append('note|1', 'yes')
    await office.append('note|1', 'no')
    await office.append('note|1', `x${'y'.repeat(300_000)}`)
    await until(() => office.stream.last === 2)
    const [first, second] = (await office.stream.log.read(1, 2)).map(
      text => JSON.parse(text) as Record<string, unknown>,
    )
    expect(first).toMatchObject({ type: 'Said', subject: 'note|1', data: { text: 'yes' } })
    expect(second).toMatchObject({ sequence: '2', dataomitted: expect.any(Number) })
    expect(second).not.toHaveProperty('data')
  })
})

const logged = (store: MemoryStore): string[] =>
  store.partitions[0]!.log.flatMap(({ records }) =>
    records.filter(({ type }) => type === 'Noted').map(({ payload }) => (payload as Noted).text),
  )

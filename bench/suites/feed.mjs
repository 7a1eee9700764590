// What a feed costs over HTTP, served by Fastify, and what views of the log cost, in seven questions.
// page, unchanged: a cached canonical page of 100 events, and a 304 for it, against bare node:http that sends the same bytes.
// catch-up: a poller that reads a feed from its beginning over HTTP, against bare reading of the same log, each event's
//   text parsed: both on LMDB.
// listeners: 1,000 SSE connections at 10 events a second each, in a process of their own: p99 from the event's making to
//   its arrival, with the write and the publisher between. What they cost in memory is printed at the end.
// views-…: a projection that reads a log on LMDB from its beginning, just opened. regions: 22 rows that all events change,
//   kept in LMDB, against bare reading and decoding. lmdb, redis: a row and an index entry for each event, against the same
//   reading and bare puts of the same rows, as many at once.

import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pollFeed } from 'troupe/feed/client'
import { lmdbJournal } from 'troupe/lmdb'
import { notesOf, openOffice } from '../feed/office.mjs'
import { answerTo, requests } from '../feed/requests.mjs'
import { openViews } from '../feed/views.mjs'
import { perSecond } from '../frame.mjs'
import { startRedis } from '../quotes/redis-server.mjs'

const FULL = { requests: 4_000, unchanged: 10_000, events: 20_000, listeners: 1_000, seconds: 2, projected: 40_000 }
const QUICK = { requests: 50, unchanged: 50, events: 300, listeners: 20, seconds: 0.3, projected: 600 }
const EVENTS_PER_SECOND = 10

export async function open({ quick, collect }) {
  const size = quick ? QUICK : FULL
  const scratch = join(import.meta.dirname, '../../.tmp')
  await mkdir(scratch, { recursive: true })
  const folder = await mkdtemp(join(scratch, 'bench-feed-'))
  const pages = await openOffice()
  await pages.fill(300)
  const whole = await openOffice(lmdbJournal({ path: folder }))
  await whole.fill(size.events)

  const path = `/streams/notes/previous/101-200?i=${pages.stream.log.incarnation}`
  const plain = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`
  const etag = /etag: (.*)\r\n/i.exec((await answerTo(pages.port, plain)).toString('latin1'))[1]
  const conditional = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nIf-None-Match: ${etag}\r\n\r\n`
  const memory = []

  const asked = async (name, text, count) => {
    const floor = await bareServer(await answerTo(pages.port, text))
    const side = port => ({
      checksum: count,
      run: () =>
        perSecond(count, async () => {
          await requests(port, text, count)
          return count
        }),
    })
    return {
      question: {
        name,
        unit: '/s',
        better: 'more',
        measures:
          text === plain ? 'GET of a page of 100 events, 16 connections' : 'GET that is answered 304, 16 connections',
        sides: { ours: side(pages.port), floor: side(floor.address().port) },
        goals: [{ against: 'floor', ratio: 0.5 }],
      },
      close: () => new Promise(resolve => floor.close(resolve)),
    }
  }
  const page = await asked('page', plain, size.requests)
  const unchanged = await asked('unchanged', conditional, size.unchanged)

  const catchUp = {
    name: 'catch-up',
    unit: '/s',
    better: 'more',
    measures: 'events of a feed, from its first to its last, each parsed',
    sides: {
      ours: {
        checksum: size.events,
        run: () => perSecond(size.events, () => poll(whole.port, size.events)),
      },
      floor: {
        checksum: size.events,
        run: () => perSecond(size.events, () => readBare(whole.store, size.events)),
      },
    },
    goals: [{ against: 'floor', ratio: 0.5 }],
  }
  const redis = await startRedis()
  const views = await openViews(folder, size.projected)
  const projecting = (name, measures, ours, floor) => ({
    name,
    unit: '/s',
    better: 'more',
    measures,
    sides: { ours: { checksum: size.projected, run: ours }, floor: { checksum: size.projected, run: floor } },
    goals: [{ against: 'floor', ratio: 0.5 }],
  })
  const viewing = [
    projecting('views-regions', 'events into 22 rows on LMDB; floor: read', views.regionsOnLmdb, views.read),
    projecting('views-lmdb', 'events into a row each; floor: read and put', views.quotesOnLmdb, views.readAndPut),
    projecting(
      'views-redis',
      'events into a row each; floor: read and set',
      () => views.quotesOnRedis(redis.port),
      () => views.readAndSet(redis.port),
    ),
  ]
  const listeners = {
    name: 'listeners',
    unit: 'ms',
    better: 'less',
    measures: `p99 of ${size.listeners} SSE connections at ${EVENTS_PER_SECOND} events/s`,
    sides: { ours: { run: () => listen(size, memory, collect) } },
  }
  return {
    questions: [page.question, unchanged.question, catchUp, ...viewing, listeners],
    close: async () => {
      await Promise.all([page.close(), unchanged.close(), pages.close(), whole.close(), redis.stop()])
      await rm(folder, { recursive: true, force: true })
      if (memory.length > 0)
        console.log(
          `${size.listeners} SSE connections: ${Math.max(...memory).toFixed(0)} MB more resident at most, ` +
            `${(process.memoryUsage().rss / 1e6).toFixed(0)} MB the whole process`,
        )
    },
  }
}

/** Sends the bytes of `answer` to whatever it is asked, with what Node adds to every answer. */
async function bareServer(answer) {
  const end = answer.indexOf('\r\n\r\n')
  const [status, ...lines] = answer.subarray(0, end).toString('latin1').split('\r\n')
  const headers = lines
    .map(line => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)])
    .filter(([name]) => !/^(date|connection|keep-alive)$/i.test(name))
  const body = answer.subarray(end + 4)
  const server = createServer((_request, response) => {
    response.writeHead(Number(status.split(' ')[1]), headers.flat())
    response.end(body)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

async function poll(port, events) {
  let last = 0
  for await (const { number, event } of pollFeed(`http://127.0.0.1:${port}/streams/notes`)) {
    if (event.type === 'Noted') last = number
    if (number === events) break
  }
  return last
}

async function readBare({ journal }, events) {
  let count = 0
  for (let position = 1; count < events; ) {
    const appends = await journal.readLog(0, position, 1_024)
    for (const append of appends) {
      position = append.position + append.records.length
      for (const { type, payload } of append.records)
        if (type === 'FeedItem' && JSON.parse(payload.text).type === 'Noted') count++
    }
  }
  return count
}

async function listen({ listeners, seconds }, memory, collect) {
  const office = await openOffice()
  collect()
  const before = process.memoryUsage().rss
  const child = fork(join(import.meta.dirname, '../feed/listeners.mjs'), [office.port, listeners].map(String))
  await once(child, 'message')
  const count = Math.max(1, Math.round(seconds * EVENTS_PER_SECOND))
  let most = 0
  for (let i = 0; i < count; i++) {
    const [note] = notesOf(1)
    await office.write([{ ...note, at: performance.timeOrigin + performance.now() }])
    most = Math.max(most, process.memoryUsage().rss - before)
    await sleep(1_000 / EVENTS_PER_SECOND)
  }
  await sleep(200)
  child.send('end')
  const [took] = await once(child, 'message')
  child.disconnect()
  child.kill()
  await once(child, 'exit')
  await office.close()
  if (took.events !== count * listeners) throw new Error(`${took.events} events came instead of ${count * listeners}`)
  memory.push(most / 1e6)
  return { value: took.p99Ms }
}

import { connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { systemPorts } from '../../src/base/ports.ts'
import { memoryJournal, memoryStore } from '../../src/persistence/memory-journal.ts'
import { deafSocket, EventStream } from './sse-support.ts'
import { definition, FeedOffice, type FeedServer, serve, until } from './support.ts'

let office: FeedOffice
let server: FeedServer
const streams: EventStream[] = []

const sse = async (path: string, headers: Record<string, string>): Promise<EventStream> => {
  const stream = await EventStream.open(server.url + path, headers)
  streams.push(stream)
  return stream
}
const oneTo = (last: number, first = 1): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i)
const end = async (path: string, headers: Record<string, string> = {}): Promise<number> => {
  const response = await fetch(server.url + path, { method: 'DELETE', headers })
  expect(response.status).toBe(200)
  return ((await response.json()) as { ended: number }).ended
}

beforeEach(async () => {
  office = await FeedOffice.open()
  server = await serve({ streams: [office.stream], heartbeatMs: 1_000, stallMs: 2_000 })
})

afterEach(async () => {
  for (const stream of streams.splice(0)) stream.close()
  await server.stop()
  await office.close()
})

describe('requests that are pipelined on a connection which closes', () => {
  let small: FeedServer
  beforeEach(async () => {
    small = await serve({ streams: [office.stream], maxSubscriptions: 3 })
  })
  afterEach(() => small.stop())

  const pipelined = async (head: string): Promise<void> => {
    const socket = connect(small.port, '127.0.0.1')
    socket.write(`${head}\r\nhost: x\r\n\r\n`.repeat(3))
    // All three are under way, and take all the room there is.
    await new Promise(resolve => setTimeout(resolve, 200))
    socket.destroy()
    await until(() => socket.closed)
  }
  it('leave no subscription behind', async () => {
    await pipelined('GET /streams/notes HTTP/1.1\r\naccept: text/event-stream')
    await vi.waitFor(async () => {
      const three = await Promise.all(
        [1, 2, 3].map(() => EventStream.open(`${small.url}/streams/notes`, { accept: 'text/event-stream' })),
      )
      for (const stream of three) stream.close()
      expect(three.map(({ response }) => response.status)).toEqual([200, 200, 200])
    }, 10_000)
  })

  it('leave no held request behind', async () => {
    await pipelined('GET /streams/notes/current HTTP/1.1\r\nprefer: wait=30')
    await vi.waitFor(async () => {
      const beganMs = performance.now()
      const held = async (): Promise<number> => {
        await fetch(`${small.url}/streams/notes/current`, { headers: { prefer: 'wait=1' } })
        return performance.now() - beganMs
      }
      expect(Math.min(...(await Promise.all([held(), held(), held()])))).toBeGreaterThan(900)
    }, 10_000)
  })
})

describe('server-sent events of a feed', () => {
  it('resumes after Last-Event-ID, a bare number, and goes on live', async () => {
    await office.publish(115)
    const stream = await sse('/streams/notes', { 'last-event-id': '111' })
    expect(stream.response.headers.get('content-type')).toBe('text/event-stream')
    await until(() => stream.numbers.length === 4)
    await office.publish(3)
    await until(() => stream.numbers.length === 7)
    expect(stream.numbers).toEqual(oneTo(118, 112))
    expect(stream.text).toMatch(/^retry: 2000\n/)
    expect(stream.ids[0]).toBe(`${office.stream.log.incarnation}:112`)
    const [, data] = /^data: (.*)$/m.exec(stream.text)!
    expect(JSON.parse(data!)).toMatchObject({ sequence: '112', data: { text: 'text 112' } })
  })

  it('begins with what comes from now on where only Accept asks for it', async () => {
    await office.publish(5)
    const stream = await sse('/streams/notes', { accept: 'text/event-stream' })
    await office.publish(2)
    await until(() => stream.numbers.length === 2)
    expect(stream.numbers).toEqual([6, 7])
  })

  it('refuses an id that is no position', async () => {
    for (const id of ['x', '-1', '1.5', 'a b:3', '9999999999999999'])
      expect((await fetch(`${server.url}/streams/notes`, { headers: { 'last-event-id': id } })).status, id).toBe(400)
  })

  it('leaves nothing out and gives nothing twice between replay and live, wherever readers begin while it is written', async () => {
    const total = 1_500
    let begun = 0
    const writing = (async () => {
      for (let written = 0; written < total; written += 25) {
        await office.write(25)
        // A reader for every hundred events, at least.
        await until(() => begun >= written / 100)
      }
    })()
    const readers: { stream: EventStream; after: number }[] = []
    while (office.stream.last < total) {
      if (readers.length < 40) {
        begun++
        const after = Math.floor(systemPorts.random.next() * (office.stream.last + 1))
        readers.push({ stream: await sse('/streams/notes', { 'last-event-id': String(after) }), after })
      } else await new Promise(resolve => setTimeout(resolve, 5))
    }
    await writing
    for (const { stream, after } of readers) {
      await until(() => stream.text.includes(`:${total}\n`))
      expect(stream.numbers).toEqual(oneTo(total, after + 1))
    }
    expect(readers.length).toBeGreaterThan(10)
  })

  it('sends a comment where there is nothing to say', async () => {
    const stream = await sse('/streams/notes', { accept: 'text/event-stream' })
    await until(() => /\n:\n/.test(stream.text), 5_000)
  })

  it.each([
    ['too old', '3', 'archived', 3, '21-30'],
    ['of another incarnation', 'elsewhere:7', 'incarnation', 0, '21-30'],
    ['ahead of the feed', '4711', 'ahead', 0, '21-30'],
  ])('answers a position that is %s with one resync event, and goes on live', async (_, id, reason, agreesTo, page) => {
    await office.publish(35)
    await office.stream.archive(20)
    const stream = await sse('/streams/notes', { 'last-event-id': id })
    await until(() => stream.ids.length === 1)
    await office.publish(2)
    await until(() => stream.ids.length === 3)
    const i = office.stream.log.incarnation
    expect(stream.ids).toEqual([`${i}:35`, `${i}:36`, `${i}:37`])
    const [, resync] = /^event: resync\nid: .*\ndata: (.*)$/m.exec(stream.text)!
    expect(JSON.parse(resync!)).toEqual({
      reason,
      incarnation: i,
      agreesTo,
      first: 21,
      last: 35,
      read: `/streams/notes/previous/${page}?i=${i}`,
    })
    expect((await fetch(server.url + (JSON.parse(resync!) as { read: string }).read)).status).toBe(200)
  })

  it('goes on from its id where the publisher crashed and came back', async () => {
    await office.publish(3)
    const stream = await sse('/streams/notes', { 'last-event-id': '0' })
    await until(() => stream.numbers.length === 3)
    const append = office.store.append.bind(office.store)
    let failures = 0
    office.store.append = pending => {
      if (pending.persistenceId.startsWith('feed|') && ++failures <= 2) throw new Error('no writing today')
      append(pending)
    }
    await office.publish(3)
    await until(() => stream.numbers.length === 6)
    expect(stream.numbers).toEqual(oneTo(6))
    expect(failures).toBeGreaterThan(2)
  })
})

describe('ending subscriptions', () => {
  it('ends those of the requester on that stream, says how many, and leaves the log as it is', async () => {
    await office.publish(3)
    const two = [
      await sse('/streams/notes', { 'last-event-id': '0' }),
      await sse('/streams/notes', { 'last-event-id': '0' }),
    ]
    const other = await sse('/streams/notes', { 'last-event-id': '0', authorization: 'Bearer someone' })
    await until(() => [...two, other].every(stream => stream.numbers.length === 3))
    expect(await end('/streams/notes')).toBe(2)
    await until(() => two.every(stream => stream.isOver))
    expect(other.isOver).toBe(false)
    expect(await end('/streams/notes')).toBe(0)
    expect(await end('/streams/notes', { authorization: 'Bearer another' })).toBe(0)
    expect(await end('/streams/notes', { authorization: 'Bearer someone' })).toBe(1)
    await until(() => other.isOver)
    expect(office.stream.last).toBe(3)
    expect((await fetch(`${server.url}/streams/notes/previous/1-3`)).status).toBe(200)
  })

  it.each([
    ['a header', '/streams/notes', { 'subscription-id': 'mine' }],
    ['the query', '/streams/notes?subscription=mine', {}],
    ['the path', '/streams/notes/subscriptions/mine', {}],
  ])(
    'ends one by its id in %s, and answers 204 when it comes again',
    async (_, path, headers: Record<string, string>) => {
      const stream = await sse(path, { accept: 'text/event-stream', ...headers })
      const bystander = await sse('/streams/notes', { accept: 'text/event-stream' })
      expect(stream.response.headers.get('subscription-id')).toBe('mine')
      expect(stream.text).toContain(': subscription mine\n')
      expect(await end(path, headers)).toBe(1)
      await until(() => stream.isOver)
      expect(await end(path, headers)).toBe(0)
      const again = await fetch(server.url + path, { headers: { accept: 'text/event-stream', ...headers } })
      expect([again.status, await again.text()]).toEqual([204, ''])
      expect(bystander.isOver).toBe(false)
    },
  )

  it('ends one that is between two connections', async () => {
    expect(await end('/streams/notes/subscriptions/away')).toBe(0)
    const path = '/streams/notes?subscription=away'
    expect((await fetch(server.url + path, { headers: { 'last-event-id': '0' } })).status).toBe(204)
  })

  it('keeps the ids of those with credentials apart', async () => {
    const path = '/streams/notes?subscription=same'
    const one = await sse(path, { accept: 'text/event-stream', authorization: 'Bearer one' })
    const two = await sse(path, { accept: 'text/event-stream', authorization: 'Bearer two' })
    expect(await end(path, { authorization: 'Bearer one' })).toBe(1)
    await until(() => one.isOver)
    expect(two.isOver).toBe(false)
  })

  it('takes a second connection with the same id for the first one that came again', async () => {
    const path = '/streams/notes?subscription=same'
    const one = await sse(path, { accept: 'text/event-stream' })
    const two = await sse(path, { accept: 'text/event-stream' })
    await until(() => one.isOver)
    expect(two.isOver).toBe(false)
  })
})

describe('a reader that does not read', () => {
  it('costs under 1 MB, and is cut after a stall, a hundred of them too', async () => {
    const heavy = await FeedOffice.open(memoryJournal({ store: memoryStore() }), definition)
    const slow = await serve({ streams: [heavy.stream], stallMs: 3_000 })
    // 100 MB, far more than sockets hold.
    const text = 'x'.repeat(50_000)
    await Promise.all(oneTo(2_000).map(i => heavy.append(`note|${i}`, text)))
    await until(() => heavy.stream.last === 2_000)
    await fetch(`${slow.url}/streams/notes/previous/1-100`).then(response => response.arrayBuffer())
    const before = used()
    const count = 100
    const request = 'GET /streams/notes HTTP/1.1\r\nHost: feed.test\r\nLast-Event-ID: 0\r\n\r\n'
    const deaf = await Promise.all(oneTo(count).map(() => deafSocket(slow.port, request)))
    await new Promise(resolve => setTimeout(resolve, 1_500))
    const bytesEach = (used() - before) / count
    expect(bytesEach).toBeLessThan(1_000_000)
    const reading = await EventStream.open(`${slow.url}/streams/notes`, { 'last-event-id': '1990' })
    await until(() => reading.numbers.length === 10)
    // One that reads, and perhaps one that is kept alive.
    for (let open = count; open > 2; open = await slow.connections())
      await new Promise(resolve => setTimeout(resolve, 50))
    const ended = await fetch(`${slow.url}/streams/notes`, { method: 'DELETE' })
    expect(await ended.json()).toEqual({ ended: 1 })
    for (const socket of deaf) socket.destroy()
    reading.close()
    await slow.stop()
    await heavy.close()
  })
})

const used = (): number => {
  const { heapUsed, external, arrayBuffers } = process.memoryUsage()
  return heapUsed + Math.max(external, arrayBuffers)
}

// A process of its own that listens to a feed over many connections: `node listeners.mjs PORT COUNT`. Tells its parent
// `ready`, and, when it is told `end`, how many events came and how long they took (p50, p99, ms).

import { connect } from 'node:net'
import { quantile } from '../frame.mjs'

const [port, count] = process.argv.slice(2).map(Number)
const took = []
const request = 'GET /streams/notes HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n'

let open = 0
for (let i = 0; i < count; i++) {
  const socket = connect(port, '127.0.0.1', () => socket.write(request))
  socket.once('data', () => {
    if (++open === count) process.send({ type: 'ready' })
  })
  socket.on('data', chunk => {
    const now = performance.timeOrigin + performance.now()
    for (const [, at] of chunk.toString('latin1').matchAll(/"at":(\d+(?:\.\d+)?)/g)) took.push(now - Number(at))
  })
}

process.on('message', () => {
  const sorted = took.splice(0).sort((a, b) => a - b)
  process.send({ type: 'took', events: sorted.length, p50Ms: quantile(sorted, 0.5), p99Ms: quantile(sorted, 0.99) })
})

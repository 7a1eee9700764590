// A client that costs next to nothing: raw sockets, each with one request under way, whose answers are counted by their
// length. So what is measured is the server, although both share a process.

import { connect } from 'node:net'

const SOCKETS = 16

/** Sends `count` times `text`, over a few connections, and resolves with the bytes of all answers. */
export async function requests(port, text, count) {
  const length = await lengthOfAnswer(port, text)
  let left = count
  let bytes = 0
  const work = () =>
    new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1')
      socket.setNoDelay(true)
      let missing = 0
      const send = () => {
        if (left === 0) {
          socket.end()
          resolve()
          return
        }
        left--
        missing = length
        socket.write(text)
      }
      socket.on('connect', send)
      socket.on('error', reject)
      socket.on('data', chunk => {
        bytes += chunk.length
        missing -= chunk.length
        if (missing < 0) reject(new Error(`an answer is ${-missing} bytes longer than the first one`))
        else if (missing === 0) send()
      })
    })
  await Promise.all(Array.from({ length: Math.min(SOCKETS, count) }, work))
  return bytes
}

/** One answer, whole: what the server sends before it closes at the client's wish. */
async function lengthOfAnswer(port, text) {
  const answer = await answerTo(port, text)
  return answer.length
}

export async function answerTo(port, text) {
  const socket = connect(port, '127.0.0.1')
  const chunks = []
  let length = 0
  let expected = null
  return new Promise((resolve, reject) => {
    socket.on('error', reject)
    socket.on('data', chunk => {
      chunks.push(chunk)
      length += chunk.length
      if (expected === null) {
        const head = Buffer.concat(chunks).toString('latin1')
        const end = head.indexOf('\r\n\r\n')
        if (end === -1) return
        expected = end + 4 + Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0)
      }
      if (length < expected) return
      socket.destroy()
      resolve(Buffer.concat(chunks))
    })
    socket.write(text)
  })
}

/** A TCP proxy on 127.0.0.1 that can lose an answer, cut connections, and be away. */

import type { AddressInfo } from 'node:net'
import { connect, createServer, type Server, type Socket } from 'node:net'

export interface CuttingProxy {
  readonly port: number
  /** The next request that contains `text` reaches the server; its answer is swallowed, and the connection is cut. */
  loseAnswerTo(text: string): void
  /** The next request that contains `text` does not reach the server; the connection is cut. */
  loseRequest(text: string): void
  /** How many requests with `text` were passed on or lost by the two above. */
  readonly lost: number
  /** Cuts all connections, and refuses new ones until `up`. */
  down(): void
  up(): void
  /** Takes what clients send, and passes nothing on, until `up`. */
  freeze(): void
  stop(): Promise<void>
}

export const startCuttingProxy = async (targetPort: number): Promise<CuttingProxy> => {
  const clients = new Set<Socket>()
  let answerOf: string | null = null
  let requestOf: string | null = null
  let state: 'up' | 'down' | 'frozen' = 'up'
  let lost = 0

  const server: Server = createServer(client => {
    if (state === 'down') {
      client.destroy()
      return
    }
    clients.add(client)
    let swallowing = false
    const upstream = connect(targetPort, '127.0.0.1')
    const end = (): void => {
      clients.delete(client)
      client.destroy()
      upstream.destroy()
    }
    client.on('data', data => {
      if (state === 'frozen') return
      if (requestOf !== null && data.includes(requestOf)) {
        requestOf = null
        lost++
        end()
        return
      }
      if (answerOf !== null && data.includes(answerOf)) {
        answerOf = null
        swallowing = true
      }
      upstream.write(data)
    })
    upstream.on('data', data => {
      if (swallowing) {
        lost++
        end()
      } else client.write(data)
    })
    for (const socket of [client, upstream]) {
      socket.on('error', end)
      socket.on('close', end)
    }
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    loseAnswerTo(text) {
      answerOf = text
    },
    loseRequest(text) {
      requestOf = text
    },
    get lost() {
      return lost
    },
    down() {
      state = 'down'
      for (const client of clients) client.destroy()
    },
    up() {
      state = 'up'
    },
    freeze() {
      state = 'frozen'
    },
    stop() {
      for (const client of clients) client.destroy()
      return new Promise(resolve => server.close(() => resolve()))
    },
  }
}

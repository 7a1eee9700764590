/** A TCP proxy on 127.0.0.1 that passes on so many requests, and then cuts its connections for good, or stands still. */

import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface CountingProxy {
  readonly port: number
  /** Resolves when a request is being held. */
  readonly held: Promise<void>
  /** Passes on what is held, and everything from now on. */
  release(): void
  stop(): Promise<void>
}

/** `requests` of those that contain `text` are passed on; the next one is cut off, or held. */
export const startCountingProxy = async (
  targetPort: number,
  text: string,
  requests: number,
  then: 'cut' | 'hold',
): Promise<CountingProxy> => {
  const clients = new Set<Socket>()
  let left = requests
  let holding = false
  let release: () => void = () => undefined
  let tellHeld: () => void = () => undefined
  const held = new Promise<void>(resolve => {
    tellHeld = resolve
  })
  const server = createServer(client => {
    if (left < 0 && then === 'cut') {
      client.destroy()
      return
    }
    clients.add(client)
    const upstream = connect(targetPort, '127.0.0.1')
    const end = (): void => {
      clients.delete(client)
      client.destroy()
      upstream.destroy()
    }
    client.on('data', data => {
      left -= data.toString('latin1').split(text).length - 1
      if (left >= 0 || holding) {
        upstream.write(data)
      } else if (then === 'cut') end()
      else {
        holding = true
        release = () => upstream.write(data)
        tellHeld()
      }
    })
    upstream.on('data', data => client.write(data))
    for (const socket of [client, upstream]) {
      socket.on('error', end)
      socket.on('close', end)
    }
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    held,
    release: () => release(),
    stop() {
      for (const client of clients) client.destroy()
      return new Promise(resolve => server.close(() => resolve()))
    },
  }
}

import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Of each connection, whom its end is to be told: one listener a socket, however many requests are pipelined on it. */
const waiting = new WeakMap<Socket, Set<() => void>>()

/**
 * Calls `gone` once, when the response is closed, be it sent or not, or its connection is. Node.js tells the end of a
 * connection to the response at the head of its pipeline alone, so those behind would never learn of it.
 */
export const whenGone = (socket: Socket, response: ServerResponse, gone: () => void): void => {
  const others = waiting.get(socket) ?? listened(socket)
  const once = (): void => {
    if (others.delete(once)) gone()
  }
  others.add(once)
  response.once('close', once)
  if (socket.destroyed) once()
}

const listened = (socket: Socket): Set<() => void> => {
  const callbacks = new Set<() => void>()
  waiting.set(socket, callbacks)
  socket.once('close', () => {
    for (const callback of callbacks) callback()
  })
  return callbacks
}

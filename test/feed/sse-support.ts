import { connect, type Socket } from 'node:net'

/** A connection of server-sent events, read as text. */
export class EventStream {
  readonly response: Response
  text = ''
  isOver = false
  private readonly abort: AbortController

  private constructor(response: Response, abort: AbortController) {
    this.response = response
    this.abort = abort
    void this.read()
  }

  static async open(url: string, headers: Record<string, string> = {}): Promise<EventStream> {
    const abort = new AbortController()
    const response = await fetch(url, { headers, signal: abort.signal })
    return new EventStream(response, abort)
  }

  get ids(): string[] {
    return [...this.text.matchAll(/^id: (.*)$/gm)].map(match => match[1]!)
  }

  get numbers(): number[] {
    return this.ids.map(id => Number(id.split(':')[1]))
  }

  close(): void {
    this.abort.abort()
  }

  private async read(): Promise<void> {
    try {
      const decoder = new TextDecoder()
      for await (const chunk of this.response.body ?? [])
        this.text += decoder.decode(chunk as Uint8Array, { stream: true })
    } catch (error) {
      // Closed by the test, or cut by the server: both are seen by `isOver`.
      this.text += ''
      if (!(error instanceof Error)) throw error
    }
    this.isOver = true
  }
}

/** A client that asks for a subscription and reads nothing. */
export const deafSocket = async (port: number, request: string): Promise<Socket> => {
  const socket = connect(port, '127.0.0.1')
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve)
    socket.once('error', reject)
  })
  socket.on('error', () => undefined)
  socket.pause()
  socket.write(request)
  return socket
}

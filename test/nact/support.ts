import { vi } from 'vitest'
import type { Any } from './apis.ts'

export { type Any, type Api, here, nact } from './apis.ts'

export const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

/** nact needs a turn of the event loop for each message: lets so many go by. */
export const turns = async (count = 24): Promise<void> => {
  for (let i = 0; i < count; i++) await new Promise<void>(resolve => setImmediate(resolve))
}

/** For what takes a time that a busy machine draws out. */
export const until = async (isSo: () => boolean): Promise<void> => {
  for (let waitedMs = 0; !isSo() && waitedMs < 5_000; waitedMs += 5) await sleep(5)
}

export const failureOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'resolved',
    error => (error as Error).message,
  )

/** What is said about faults is not compared: nact writes it to the console, we to the logger. */
export const quietly = async <Result>(run: () => Promise<Result>): Promise<Result> => {
  const silent = [
    vi.spyOn(console, 'log').mockImplementation(() => undefined),
    vi.spyOn(console, 'warn').mockImplementation(() => undefined),
    vi.spyOn(process.stderr, 'write').mockImplementation(() => true),
  ]
  try {
    return await run()
  } finally {
    for (const spy of silent) spy.mockRestore()
  }
}

export interface StoredEvent {
  readonly data: Any
  readonly sequenceNumber: number
  readonly key: string
  readonly tags: readonly string[]
  readonly isDeleted: boolean
}

/** A persistence engine as a user of nact writes one: arrays in memory. Calls can be made to fail. */
export class MemoryEngine {
  readonly events_: Record<string, Any[]> = {}
  readonly snapshots: Record<string, Any[]> = {}
  readonly calls: string[] = []
  failPersist: (event: StoredEvent) => Error | null = () => null
  failSnapshot: () => Error | null = () => null

  events(key: string, offset = 0, limit?: number): Any {
    this.calls.push(`events ${key} ${offset}`)
    return (this.events_[key] ?? []).slice(offset, limit === undefined ? undefined : offset + limit)
  }

  async latestSnapshot(key: string): Promise<Any> {
    this.calls.push(`latestSnapshot ${key}`)
    return this.snapshots[key]?.at(-1)
  }

  async takeSnapshot(snapshot: Any): Promise<void> {
    this.calls.push(`takeSnapshot ${snapshot.key} ${snapshot.sequenceNumber}`)
    const error = this.failSnapshot()
    if (error !== null) throw error
    this.snapshots[snapshot.key] = [...(this.snapshots[snapshot.key] ?? []), snapshot]
  }

  async persist(event: Any, ...properties: Any[]): Promise<void> {
    this.calls.push(`persist ${event.key} ${event.sequenceNumber} ${JSON.stringify(properties)}`)
    const error = this.failPersist(event)
    if (error !== null) throw error
    this.events_[event.key] = [...(this.events_[event.key] ?? []), event]
  }

  /** Everything that it holds, without times. */
  contents(): unknown {
    const bare = (entries: Any[]) => entries.map(({ createdAt: _, ...entry }) => entry)
    return {
      events: Object.fromEntries(Object.entries(this.events_).map(([key, events]) => [key, bare(events)])),
      snapshots: Object.fromEntries(Object.entries(this.snapshots).map(([key, taken]) => [key, bare(taken)])),
    }
  }
}

import type { DiscardResult, ReplayResult } from '../message-bridge.ts'

interface To<Reply> {
  tell(reply: Reply): void
}

/** What somebody wants done with the parked messages of a key. */
export type ParkedRequest =
  | { readonly type: 'replay'; readonly key: string; readonly replyTo: To<ReplayResult> }
  | {
      readonly type: 'discard'
      readonly key: string
      /** Null: all of the key. */
      readonly id: string | null
      readonly replyTo: To<DiscardResult>
    }

/** Requests in hand: one after another for a key, and keys do not wait for each other. */
export class Requests {
  private readonly byKey = new Map<string, { readonly request: ParkedRequest; dealtWith: number }[]>()

  get isEmpty(): boolean {
    return this.byKey.size === 0
  }

  add(request: ParkedRequest): void {
    const entry = { request, dealtWith: 0 }
    const queue = this.byKey.get(request.key)
    if (queue === undefined) this.byKey.set(request.key, [entry])
    else queue.push(entry)
  }

  keys(): readonly string[] {
    return [...this.byKey.keys()]
  }

  /** The one that is under way for a key. */
  of(key: string): ParkedRequest | null {
    return this.byKey.get(key)?.[0]?.request ?? null
  }

  /** One more parked message was delivered, or discarded. */
  count(key: string): void {
    const entry = this.byKey.get(key)?.[0]
    if (entry !== undefined) entry.dealtWith++
  }

  /** Answers the one that is under way. `parked`: so many of its key still are. */
  end(key: string, parked: number): void {
    const queue = this.byKey.get(key)
    const entry = queue?.shift()
    if (queue?.length === 0) this.byKey.delete(key)
    if (entry === undefined) return
    const { request, dealtWith } = entry
    if (request.type === 'replay') request.replyTo.tell({ delivered: dealtWith, parked })
    else request.replyTo.tell({ discarded: dealtWith, parked })
  }
}

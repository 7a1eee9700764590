/**
 * How many ids of messages an entity remembers of each source that has no positions. What comes again is recognised while
 * the entity has not handled so many others of that source since.
 */
export const INBOX_WINDOW = 1_000

/** The last INBOX_WINDOW ids, the oldest first. */
export class InboxWindow {
  private readonly ids: Set<string>

  constructor(ids: readonly string[] = []) {
    this.ids = new Set(ids)
  }

  has(id: string): boolean {
    return this.ids.has(id)
  }

  note(id: string): void {
    this.ids.add(id)
    if (this.ids.size <= INBOX_WINDOW) return
    for (const oldest of this.ids) {
      this.ids.delete(oldest)
      return
    }
  }

  toIds(): readonly string[] {
    return [...this.ids]
  }
}

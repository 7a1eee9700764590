/** The texts of one page, as far as it has them. */
export interface CachedPage {
  readonly texts: readonly string[]
  readonly bytes: number
}

/** Pages that were read last, within a bound of bytes. */
export class PageCache {
  private readonly pages = new Map<number, CachedPage>()
  private readonly bytesMax: number
  private bytes = 0

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax
  }

  get(page: number): readonly string[] | undefined {
    const cached = this.pages.get(page)
    if (cached === undefined) return undefined
    this.pages.delete(page)
    this.pages.set(page, cached)
    return cached.texts
  }

  set(page: number, texts: readonly string[]): void {
    const bytes = texts.reduce((sum, text) => sum + 2 * text.length, 64 * texts.length)
    this.bytes += bytes - (this.pages.get(page)?.bytes ?? 0)
    this.pages.delete(page)
    this.pages.set(page, { texts, bytes })
    for (const [oldest, { bytes: freed }] of this.pages) {
      if (this.bytes <= this.bytesMax || oldest === page) return
      this.pages.delete(oldest)
      this.bytes -= freed
    }
  }

  clear(): void {
    this.pages.clear()
    this.bytes = 0
  }
}

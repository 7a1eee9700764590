import { RuntimeError, toError } from '../../base/errors.ts'
import { backoffMs } from '../../supervision/backoff.ts'
import { cursorOf, type FeedPosition } from './cursor.ts'
import type { ClientSettings, FeedCloudEvent, FeedDelivery } from './options.ts'
import { Trouble } from './trouble.ts'

/** A page as the server sends it. */
export interface FeedPage {
  readonly stream: string
  readonly incarnation: string
  readonly from: number
  readonly to: number
  readonly pageSize: number
  readonly links: Readonly<Record<string, string>>
  readonly events: readonly FeedCloudEvent[]
}

export interface FeedDescription {
  readonly incarnation: string
  readonly first: number
  readonly last: number
  readonly pageSize: number
  readonly before: readonly { readonly incarnation: string; readonly agreesTo: number }[]
}

/** Ended by the caller's signal. */
export class Ended extends Error {
  override readonly name = 'Ended'
}

/**
 * Reads a feed's resources, as often as it takes: a server that is away or fails is tried again, with backoff. **Errors**:
 * FEED_REFUSED for what a later try would not change; Ended.
 */
export class FeedPages {
  readonly url: string
  readonly settings: ClientSettings
  readonly trouble: Trouble
  /** By their addresses; immutable ones only. */
  private readonly kept = new Map<string, FeedPage>()
  private readonly current: { etag: string | null } = { etag: null }

  constructor(url: string, settings: ClientSettings) {
    this.url = url.replace(/\/+$/, '')
    this.settings = settings
    this.trouble = new Trouble(this.url, settings.clock, settings.logger)
  }

  description(): Promise<FeedDescription> {
    return this.retrying(async () => (await this.get(this.url, {})).json() as Promise<FeedDescription>)
  }

  /** The newest page; null: it is what it was at the last call. */
  async newest(waitSeconds: number): Promise<FeedPage | null> {
    const headers: Record<string, string> = {}
    if (waitSeconds > 0) headers.prefer = `wait=${waitSeconds}`
    if (this.current.etag !== null) headers['if-none-match'] = this.current.etag
    return this.retrying(async () => {
      const response = await this.get(`${this.url}/current`, headers, waitSeconds * 1_000)
      if (response.status === 304) return null
      const page = (await response.json()) as FeedPage
      this.current.etag = response.headers.get('etag')
      return page
    })
  }

  /** The next call of `newest` gives it whatever it is. */
  forgetNewest(): void {
    this.current.etag = null
  }

  /** By its address, as a link has it. */
  async page(address: string): Promise<FeedPage> {
    const kept = this.kept.get(address)
    if (kept !== undefined) return kept
    return this.retrying(async () => {
      const response = await this.get(new URL(address, this.url).href, {})
      const page = (await response.json()) as FeedPage
      if (response.headers.get('cache-control')?.includes('immutable') === true) this.keep(address, page)
      return page
    })
  }

  /** The full page that `number` is on, or will be. */
  pageOf(number: number, { incarnation, pageSize }: Pick<FeedPage, 'incarnation' | 'pageSize'>): Promise<FeedPage> {
    const from = Math.floor((number - 1) / pageSize) * pageSize + 1
    return this.range(from, from + pageSize - 1, incarnation)
  }

  range(from: number, to: number, incarnation: string): Promise<FeedPage> {
    return this.page(`${new URL(this.url).pathname}/previous/${from}-${to}?i=${incarnation}`)
  }

  /**
   * Where a reader at `position` stands in the history that the feed has now. **Errors**: FEED_REFUSED where events that
   * it has not had are archived.
   */
  async placed(position: FeedPosition): Promise<FeedPosition & { readonly incarnation: string }> {
    const { incarnation, first, last, before } = await this.description()
    const agreesTo =
      position.incarnation === null || position.incarnation === incarnation
        ? last
        : (before.find(each => each.incarnation === position.incarnation)?.agreesTo ?? 0)
    const number = Math.min(position.number, agreesTo)
    if (position.number === 0) return { incarnation, number: first - 1 }
    if (number + 1 < first)
      throw new RuntimeError(
        'FEED_REFUSED',
        `${this.url}: events ${number + 1} to ${first - 1} are archived and were not read. Begin anew without a cursor, ` +
          'with what can be rebuilt from the events that are left.',
      )
    return { incarnation, number }
  }

  /** **Errors**: FEED_REFUSED, Ended. */
  async retrying<Result>(attempt: () => Promise<Result>): Promise<Result> {
    for (let failures = 1; ; failures++) {
      this.check()
      try {
        const result = await attempt()
        this.trouble.answered()
        return result
      } catch (thrown) {
        this.check()
        if (thrown instanceof RuntimeError && !thrown.retryable) throw thrown
        this.trouble.failed(toError(thrown))
        await this.rest(backoffMs(failures, this.settings.random, this.settings.backoff))
      }
    }
  }

  /** **Errors**: Ended. */
  rest(timeMs: number): Promise<void> {
    const { clock, signal } = this.settings
    return new Promise((resolve, reject) => {
      const end = (): void => {
        cancel()
        reject(new Ended())
      }
      const cancel = clock.after(timeMs, () => {
        signal?.removeEventListener('abort', end)
        resolve()
      })
      if (signal?.aborted === true) end()
      else signal?.addEventListener('abort', end, { once: true })
    })
  }

  check(): void {
    if (this.settings.signal?.aborted === true) throw new Ended()
  }

  /** **Errors**: FEED_REFUSED; what `fetch` throws. */
  async get(url: string, headers: Readonly<Record<string, string>>, heldMs = 0): Promise<Response> {
    const { silentMs, clock, signal } = this.settings
    const given = new AbortController()
    const giveUp = (): void => given.abort()
    const cancel = clock.after(silentMs + heldMs, giveUp)
    signal?.addEventListener('abort', giveUp, { once: true })
    try {
      const response = await this.settings.fetch(url, {
        headers: { accept: 'application/json', ...this.settings.headers, ...headers },
        signal: given.signal,
      })
      if (response.ok || response.status === 304) return response
      throw await refusalOf(url, response)
    } finally {
      cancel()
      signal?.removeEventListener('abort', giveUp)
    }
  }

  private keep(address: string, page: FeedPage): void {
    this.kept.set(address, page)
    for (const oldest of this.kept.keys()) {
      if (this.kept.size <= this.settings.pagesKept) return
      this.kept.delete(oldest)
    }
  }
}

/** What a page has after `number`. */
export const deliveriesAfter = ({ incarnation, from, events }: FeedPage, number: number): FeedDelivery[] => {
  const deliveries: FeedDelivery[] = []
  for (let i = Math.max(0, number + 1 - from); i < events.length; i++)
    deliveries.push({ number: from + i, cursor: cursorOf(incarnation, from + i), event: events[i]! })
  return deliveries
}

const REFUSED_TEXT_MAX = 500

/** A server that is busy or broken may answer another time; whatever else it says, it will say again. */
export const refusalOf = async (url: string, response: Response): Promise<RuntimeError> => {
  const text = await response.text().catch((error: unknown) => toError(error).message)
  const retryable = response.status >= 500 || response.status === 429 || response.status === 408
  return new RuntimeError('FEED_REFUSED', `${url} answered ${response.status}: ${text.slice(0, REFUSED_TEXT_MAX)}`, {
    retryable,
  })
}

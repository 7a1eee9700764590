import { memoryViews } from 'troupe/projection'
import { afterEach } from 'vitest'
import { feedOf } from '../../../supervisors/http/feed.ts'
import { type MarketplaceServer, marketplaceServer, type ServerOptions } from '../../../supervisors/http/server.ts'
import type { Marketplace, MarketplaceOptions } from '../../../supervisors/marketplace.ts'
import { kept, openOn } from '../support/marketplaces.ts'
import { newMemoryStore } from '../support/stores.ts'

const servers: MarketplaceServer[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close()
})

export interface Answered {
  readonly status: number
  readonly headers: Headers
  /** Whatever came: each test says what it must be. */
  readonly body: ReturnType<typeof JSON.parse>
}

export interface Serving {
  readonly url: string
  readonly marketplace: Marketplace
  get(path: string, headers?: Record<string, string>): Promise<Answered>
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Answered>
}

export const serving = async (
  options: Omit<MarketplaceOptions, 'journal' | 'views'> = {},
  serverOptions: ServerOptions = {},
): Promise<Serving> => {
  const marketplace = await openOn(await kept(newMemoryStore(4)), { ...options, views: memoryViews() })
  const server = await marketplaceServer(marketplace, {
    port: 0,
    ...serverOptions,
    plugins: [...(serverOptions.plugins ?? []), ...feedOf(marketplace)],
  })
  servers.push(server)
  const ask = async (path: string, init: RequestInit): Promise<Answered> => {
    const response = await fetch(server.url + path, { ...init, signal: AbortSignal.timeout(30_000) })
    const text = await response.text()
    return { status: response.status, headers: response.headers, body: text === '' ? null : JSON.parse(text) }
  }
  return {
    url: server.url,
    marketplace,
    get: (path, headers = {}) => ask(path, { headers }),
    post: (path, body, headers = {}) =>
      ask(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
  }
}

/** Marketplaces and stores of one test file, closed and removed after each test. */

import { type Logger, silentLogger } from 'troupe'
import { afterEach, vi } from 'vitest'
import { Marketplace, type MarketplaceOptions } from '../../../supervisors/marketplace.ts'
import type { TestStore } from './stores.ts'

// Flushes and redis-server take their time on a machine that has other things to do as well.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

export const MODES = ['orchestration', 'choreography'] as const

const opened: Marketplace[] = []
const stores: TestStore[] = []

afterEach(async () => {
  for (const marketplace of opened.splice(0)) await marketplace.close()
  for (const store of stores.splice(0)) await store.remove()
})

/** A new store, removed after the test. */
export const kept = async <Store extends TestStore>(made: Promise<Store>): Promise<Store> => {
  const store = await made
  stores.push(store)
  return store
}

export const openOn = async (
  store: TestStore,
  options: Omit<MarketplaceOptions, 'journal'> & { readonly logger?: Logger } = {},
): Promise<Marketplace> => {
  const marketplace = await Marketplace.open({ journal: store.journal(), logger: silentLogger, ...options })
  opened.push(marketplace)
  return marketplace
}

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { lmdbJournal } from '../../src/adapters/lmdb/index.ts'
import { silentLogger } from '../../src/base/logger.ts'
import { ActorSystem } from '../../src/kernel/system.ts'
import { eventSourced } from '../../src/persistence/event-sourced.ts'
import { type EntityKind, entities } from '../../src/persistence/event-sourced-entities.ts'
import { EventStore } from '../../src/persistence/event-store.ts'
import { memoryViews, projection, readModel, update } from '../../src/projection/index.ts'

interface Added {
  readonly type: 'Added'
  readonly by: number
  readonly ballast: string
}

const account = eventSourced<number, Added, number, number>({
  name: 'account',
  initial: () => 0,
  decide: (sum, by) => ({ events: [{ type: 'Added', by, ballast: 'x'.repeat(200) }], reply: sum + by }),
  evolve: (sum, { by }) => sum + by,
})

const sums = projection<Added, { readonly sum: number }>({
  name: 'sums',
  events: ['Added'],
  project: ({ by }, { id }) => [update<{ sum: number }>(id, row => ({ sum: (row?.sum ?? 0) + by }))],
})

const folder = mkdtempSync(join(tmpdir(), 'troupe-dropped-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const withStore = async (
  work: (store: EventStore, accounts: EntityKind<number, number>, system: ActorSystem) => Promise<void>,
) => {
  const archive = { folder: join(folder, 'archive'), segmentBytes: 4_096 }
  const store = await EventStore.open(lmdbJournal({ path: join(folder, 'store'), archive }), { logger: silentLogger })
  const system = ActorSystem.start({ name: 'test', logger: silentLogger })
  const accounts = entities(account, store)
  system.spawn(accounts.behavior)
  await work(store, accounts, system)
  await system.terminate()
  await store.close()
}

it('a view of which the log was dropped meanwhile keeps its rows, and finds all that it has yet to read', async () => {
  const views = memoryViews()
  await withStore(async (store, accounts, system) => {
    const model = readModel(sums, store, views)
    system.spawn(model.behavior)
    for (let i = 0; i < 100; i++) await accounts.ask('before', 1)
    await model.reached({ partition: 0, position: 100 })
  })
  await withStore(async (store, accounts) => {
    for (let i = 0; i < 200; i++) await accounts.ask('after', 1)
    await store.deleteTo('account|before', 100)
    await store.deleteTo('account|after', 150)
    expect((await store.rollOut()).dropped).toBeGreaterThan(0)
    const [first] = await store.journal.readLog(0, 1, 1)
    expect(first!.position).toBeGreaterThan(1)
    expect(first!.position).toBeLessThanOrEqual(101)
  })
  await withStore(async (store, _accounts, system) => {
    const model = readModel(sums, store, views)
    system.spawn(model.behavior)
    await model.reached({ partition: 0, position: 300 })
    expect(await model.get('before')).toEqual({ sum: 100 })
    expect(await model.get('after')).toEqual({ sum: 200 })
    expect((await views.builds('sums')).live!.number).toBe(1)
  })
})

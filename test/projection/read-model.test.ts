import { afterEach, describe, expect, it, vi } from 'vitest'
import { silentLogger } from '../../src/base/logger.ts'
import { systemPorts } from '../../src/base/ports.ts'
import { ActorSystem } from '../../src/kernel/system.ts'
import { eventSourced } from '../../src/persistence/event-sourced.ts'
import { type EntityKind, entities } from '../../src/persistence/event-sourced-entities.ts'
import { EventStore } from '../../src/persistence/event-store.ts'
import { memoryJournal, memoryStore } from '../../src/persistence/memory-journal.ts'
import {
  type Change,
  memoryViews,
  type ProjectionDefinition,
  projection,
  put,
  type ReadModel,
  readModel,
  sortable,
  update,
  type ViewStore,
} from '../../src/projection/index.ts'
import { supervisor } from '../../src/supervision/supervisor.ts'

interface Added {
  readonly type: 'Added'
  readonly by: number
}

const account = eventSourced<{ readonly add: number }, Added, number, number>({
  name: 'account',
  initial: () => 0,
  decide: (sum, { add }) => ({ events: [{ type: 'Added', by: add }], reply: sum + add }),
  evolve: (sum, { by }) => sum + by,
})

interface Sum {
  readonly id: string
  readonly sum: number
  readonly events: number
}

const sums = (over: Partial<ProjectionDefinition<Added, Sum>> = {}): ProjectionDefinition<Added, Sum> =>
  projection<Added, Sum>({
    name: 'sums',
    events: ['Added'],
    project: ({ by }, { id }) => [
      update<Sum>(id, row => ({ id, sum: (row?.sum ?? 0) + by, events: (row?.events ?? 0) + 1 })),
    ],
    indexes: { sum: row => sortable(row.sum) },
    ...over,
  })

const running: { end(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of running.splice(0)) await one.end()
})

interface House {
  readonly store: EventStore
  readonly accounts: EntityKind<{ readonly add: number }, number>
  readonly model: ReadModel<Sum>
  readonly stop: () => Promise<void>
}

const logs = memoryStore
const start = async (
  definition: ProjectionDefinition<Added, Sum>,
  { log = logs(3), views = memoryViews() }: { log?: ReturnType<typeof logs>; views?: ViewStore } = {},
): Promise<House> => {
  const store = await EventStore.open(memoryJournal({ store: log }), { ...systemPorts, logger: silentLogger })
  const system = ActorSystem.start({ name: 'test', logger: silentLogger })
  const accounts = entities(account, store)
  const model = readModel(definition, store, views)
  const children = [
    { id: 'accounts', start: accounts.behavior },
    { id: 'model', start: model.behavior },
  ]
  system.spawn(supervisor({ intensity: 50, children }))
  const stop = async (): Promise<void> => {
    await system.terminate()
    await store.close()
  }
  running.push({ end: stop })
  return { store, accounts, model, stop }
}

/** The place up to which the log is durable now, in every partition. */
const caughtUp = async ({ store, model }: House): Promise<void> => {
  for (let partition = 0; partition < store.journal.partitions; partition++)
    await model.reached({ partition, position: store.lastPosition(partition) })
}

const add = async ({ accounts }: House, ids: number, times: number): Promise<void> => {
  await Promise.all(Array.from({ length: ids * times }, (_, i) => accounts.ask(`a${i % ids}`, { add: 1 + (i % ids) })))
}

const expected = (ids: number, times: number): Sum[] =>
  Array.from({ length: ids }, (_, i) => ({ id: `a${i}`, sum: (1 + i) * times, events: times }))

describe('a read model', () => {
  it('reflects every event once, of all partitions', async () => {
    const house = await start(sums())
    await add(house, 10, 100)
    await caughtUp(house)
    expect((await house.model.range('sum')).rows).toEqual(expected(10, 100))
    expect(house.model.lag()).toBe(0)
  })

  it('lets whoever wrote read it by the position of what was written', async () => {
    const house = await start(sums())
    for (let i = 1; i <= 20; i++) {
      await house.accounts.ask('x', { add: 1 })
      const partition = house.store.partitionOf('account|x')
      await house.model.reached({ partition, position: house.store.lastPosition(partition) })
      expect(await house.model.get('x')).toEqual({ id: 'x', sum: i, events: i })
    }
  })

  it('says that it lags where a position does not come in time', async () => {
    const house = await start(sums())
    const waiting = house.model.reached({ partition: 0, position: 1_000 }, { timeoutMs: 20 })
    await expect(waiting).rejects.toMatchObject({ code: 'VIEW_LAGS', retryable: true })
    const left = AbortSignal.abort()
    await expect(house.model.reached({ partition: 0, position: 1 }, { signal: left })).rejects.toMatchObject({
      code: 'VIEW_LAGS',
    })
  })

  it('goes on where it was, with an event counted once, whenever it was ended', async () => {
    const [log, views] = [logs(3), memoryViews()]
    for (let round = 1; round <= 5; round++) {
      const house = await start(sums(), { log, views })
      await add(house, 5, 20)
      // Not caught up on purpose in most rounds.
      if (round === 5) {
        await caughtUp(house)
        expect((await house.model.range('sum')).rows).toEqual(expected(5, 100))
      }
      await house.stop()
    }
  })

  it('counts an event once where two processes project the same view, and where answers are lost', async () => {
    const views = memoryViews()
    let writes = 0
    const flaky = (inner: ViewStore): ViewStore =>
      new Proxy(inner, {
        get: (target, name) => {
          const value: unknown = Reflect.get(target, name, target)
          if (typeof value !== 'function') return value
          if (name !== 'write') return value.bind(target)
          return async (...args: unknown[]) => {
            if (++writes % 7 === 3) throw new Error('not written')
            await value.apply(target, args)
            if (writes % 7 === 5) throw new Error('written, and the answer is lost')
          }
        },
      })
    const house = await start(sums(), { views: flaky(views) })
    const other = readModel(sums(), house.store, flaky(views))
    const system = ActorSystem.start({ name: 'other', logger: silentLogger })
    system.spawn(other.behavior)
    for (let i = 0; i < 10; i++) await add(house, 4, 10)
    await vi.waitFor(async () => expect((await house.model.range('sum')).rows).toEqual(expected(4, 100)), {
      timeout: 10_000,
    })
    await system.terminate()
  })

  describe('far behind, with rows that several partitions change', () => {
    const IDS = 4_000
    /** An account counts for one of seven groups. */
    const groups = (fails: (id: string) => boolean = () => false) =>
      sums({
        project: ({ by }, { id }) => {
          if (fails(id)) throw new Error(`cannot project ${id}`)
          const group = `g${Number(id.slice(1)) % 7}`
          return [update<Sum>(group, row => ({ id: group, sum: (row?.sum ?? 0) + by, events: (row?.events ?? 0) + 1 }))]
        },
      })
    const filled = async () => {
      const log = logs(3)
      const before = await start(sums(), { log })
      await Promise.all(Array.from({ length: IDS }, (_, i) => before.accounts.ask(`a${i}`, { add: 1 })))
      await before.stop()
      return log
    }
    /** Views whose writes take a while, and may fail by their number from 1. */
    const slow = (fails: (nr: number) => boolean = () => false) => {
      const views = memoryViews()
      const write = views.write.bind(views)
      const written: number[] = []
      views.write = async (...args) => {
        await new Promise(resolve => setTimeout(resolve, 5))
        written.push(args[4].length)
        if (fails(written.length)) throw new Error('not written')
        await write(...args)
      }
      return { views, written }
    }
    const total = async (model: ReadModel<Sum>): Promise<number> =>
      (await model.range('sum')).rows.reduce((all, row) => all + row.events, 0)

    it('takes a write for thousands of events, and sees in the next what the one under way will have changed', async () => {
      const { views, written } = slow()
      const house = await start(groups(), { log: await filled(), views })
      await caughtUp(house)
      expect(await total(house.model)).toBe(IDS)
      // Of 1,333 events in three pages of the log, each partition.
      expect(written).toEqual([7, 7, 7])
    })

    it('counts each event once where a write fails with the next one gathered', async () => {
      const { views } = slow(nr => nr === 2 || nr === 3)
      const house = await start(groups(), { log: await filled(), views })
      await vi.waitFor(async () => expect(await total(house.model)).toBe(IDS), { timeout: 10_000 })
    })

    it('shows all that is before the page of an event that it fails on', async () => {
      const log = await filled()
      const last = log.partitions.at(-1)!.log.at(-1)!.persistenceId
      const { views } = slow()
      const house = await start(
        groups(id => `account|${id}` === last),
        { log, views },
      )
      await vi.waitFor(() => expect(house.model.status().failure).toMatchObject({ code: 'PROJECTION_FAILED' }))
      const { next } = await views.builds('sums')
      const rows = (await views.get(next!, ['g0', 'g1', 'g2', 'g3', 'g4', 'g5', 'g6'])) as Sum[]
      expect(rows.reduce((all, row) => all + row.events, 0)).toBeGreaterThan(IDS - 512)
    })
  })

  it('is made anew beside the live one, which is served and kept up meanwhile, and switched to', async () => {
    const house = await start(sums())
    await add(house, 10, 200)
    await caughtUp(house)
    let factor = 1
    const doubled = sums({
      project: ({ by }, { id }) => [
        update<Sum>(id, row => ({ id, sum: (row?.sum ?? 0) + by * factor, events: (row?.events ?? 0) + 1 })),
      ],
    })
    const views = memoryViews()
    const rebuilt = await start(doubled, { views })
    await add(rebuilt, 10, 200)
    await caughtUp(rebuilt)
    factor = 2
    rebuilt.model.rebuild()
    const seen = new Set<number>()
    while (rebuilt.model.status().isRebuilding) {
      const { rows } = await rebuilt.model.range('sum')
      seen.add(rows.reduce((sum, row) => sum + row.sum, 0))
      await new Promise(resolve => setImmediate(resolve))
    }
    const whole = expected(10, 200).reduce((sum, row) => sum + row.sum, 0)
    // Never a part of it: all of the old one, then all of the new.
    expect([...seen].every(sum => sum === whole || sum === 2 * whole)).toBe(true)
    const { rows } = await rebuilt.model.range('sum')
    expect(rows.reduce((sum, row) => sum + row.sum, 0)).toBe(2 * whole)
    expect((await views.builds('sums')).next).toBeNull()
  })

  it('is made anew by itself for a definition of another version', async () => {
    const [log, views] = [logs(3), memoryViews()]
    const first = await start(sums(), { log, views })
    await add(first, 3, 10)
    await caughtUp(first)
    await first.stop()
    const negative = (): readonly Change<Sum>[] => [put('only', { id: 'only', sum: 7, events: 0 })]
    const second = await start(sums({ version: 2, project: negative }), { log, views })
    await vi.waitFor(async () =>
      expect((await second.model.range('sum')).rows).toEqual([{ id: 'only', sum: 7, events: 0 }]),
    )
  })

  it('is made anew where the log is another one', async () => {
    const views = memoryViews()
    const first = await start(sums(), { views })
    await add(first, 3, 10)
    await caughtUp(first)
    await first.stop()
    const second = await start(sums(), { views })
    await add(second, 3, 11)
    await vi.waitFor(async () => expect((await second.model.range('sum')).rows).toEqual(expected(3, 11)))
  })

  it('stands before an event that it fails on, says so, harms nobody else, and goes on once it can', async () => {
    let isBroken = true
    const fragile = sums({
      project: (event, about) => {
        if (isBroken && about.id === 'a1') throw new Error('cannot project a1')
        return sums().project(event, about)
      },
    })
    const house = await start(fragile)
    await add(house, 3, 10)
    await vi.waitFor(() => expect(house.model.status().failure).toMatchObject({ code: 'PROJECTION_FAILED' }))
    expect(house.model.status().failure!.message).toContain('account|a1')
    const partition = house.store.partitionOf('account|a1')
    const place = { partition, position: house.store.lastPosition(partition) }
    await expect(house.model.reached(place)).rejects.toMatchObject({ code: 'PROJECTION_FAILED' })
    expect(await house.accounts.ask('a1', { add: 0 })).toBe(20)
    isBroken = false
    await vi.waitFor(async () => expect((await house.model.get('a1'))?.sum).toBe(20), { timeout: 5_000 })
    expect(house.model.status().failure).toBeNull()
  })

  it('refuses rows, keys and index keys that could not be stored, as a failure of its own', async () => {
    const bad: Partial<ProjectionDefinition<Added, Sum>>[] = [
      { project: () => [put('', { id: '', sum: 0, events: 0 })] },
      { project: () => [put('k', { id: 'k', sum: Number.NaN, events: 0 })] },
      { indexes: { sum: () => 'a\0b' } },
      { indexes: { sum: () => 'x'.repeat(2_000) } },
    ]
    for (const over of bad) {
      const house = await start(sums(over))
      await add(house, 1, 1)
      await vi.waitFor(() => expect(house.model.status().failure).toMatchObject({ code: 'PROJECTION_FAILED' }))
    }
  })

  it('gives pages by a cursor, either way, and refuses a cursor of another query', async () => {
    const house = await start(sums())
    await add(house, 25, 1)
    await caughtUp(house)
    for (const descending of [false, true]) {
      const seen: string[] = []
      let cursor: string | null = null
      do {
        const page: Awaited<ReturnType<typeof house.model.range>> = await house.model.range('sum', {
          limit: 10,
          cursor,
          descending,
        })
        seen.push(...page.rows.map(row => row.id))
        cursor = page.cursor
      } while (cursor !== null)
      const all = expected(25, 1).map(row => row.id)
      expect(seen).toEqual(descending ? all.reverse() : all)
    }
    const { cursor } = await house.model.range('sum', { limit: 1 })
    const other = house.model.range('sum', { cursor, from: sortable(20) })
    await expect(other).rejects.toMatchObject({ code: 'VIEW_QUERY_INVALID' })
    for (const query of [{ limit: 0 }, { limit: 1_001 }, { limit: 1.5 }, { cursor: '***' }])
      await expect(house.model.range('sum', query)).rejects.toMatchObject({ code: 'VIEW_QUERY_INVALID' })
    await expect(house.model.range('constructor')).rejects.toMatchObject({ code: 'VIEW_QUERY_INVALID' })
  })

  it('gives the part of an index that was asked for', async () => {
    const house = await start(sums())
    await add(house, 12, 1)
    await caughtUp(house)
    const ids = async (range: Parameters<typeof house.model.range>[1]): Promise<string[]> =>
      (await house.model.range('sum', range)).rows.map(row => row.id)
    expect(await ids({ equals: sortable(3) })).toEqual(['a2'])
    expect(await ids({ from: sortable(3), to: sortable(5) })).toEqual(['a2', 'a3'])
    expect(await ids({ prefix: sortable(10).slice(0, -1) })).toEqual(['a9', 'a10', 'a11'])
  })

  it('cannot be asked before it was ever complete', async () => {
    const store = await EventStore.open(memoryJournal(), { ...systemPorts, logger: silentLogger })
    const model = readModel(sums(), store, memoryViews())
    await expect(model.get('x')).rejects.toMatchObject({ code: 'VIEW_BUILDING', retryable: true })
    expect(model.status().isLive).toBe(false)
    await store.close()
  })

  it('refuses a definition that is none', () => {
    for (const over of [{ name: 'a b' }, { version: 0 }, { events: [] }, { indexes: { 'a b': () => null } }])
      expect(() => sums(over)).toThrow(expect.objectContaining({ code: 'PROJECTION_INVALID' }))
  })
})

it('leaves no dead letter when its system terminates with work for it in its mailbox', async () => {
  const store = await EventStore.open(memoryJournal({ store: logs(1) }), { ...systemPorts, logger: silentLogger })
  const system = ActorSystem.start({ name: 'test', logger: silentLogger })
  const letters: unknown[] = []
  system.deadLetters.subscribe(letter => letters.push(letter.message))
  const accounts = entities(account, store)
  const model = readModel(sums(), store, memoryViews())
  system.spawn(accounts.behavior)
  system.spawn(model.behavior)
  for (let i = 0; i < 20; i++) await accounts.ask('a', { add: 1 })
  model.rebuild()
  await system.terminate()
  await store.close()
  expect(letters).toEqual([])
})

describe('misuse', () => {
  it.each([
    ['no views', sums(), undefined, 'DEFINITION_INVALID', /read model sums: views must be a store of views/],
    ['a definition that is none', {}, memoryViews(), 'PROJECTION_INVALID', /name undefined/],
    ['no definition', undefined, memoryViews(), 'PROJECTION_INVALID', /must be an object/],
    [
      'a misspelt key',
      { ...sums(), index: {} },
      memoryViews(),
      'PROJECTION_INVALID',
      /may have .*indexes, not "index"/,
    ],
  ])('is refused when it is made: %s', async (_, definition, views, code, says) => {
    const store = await EventStore.open(memoryJournal(), { ...systemPorts, logger: silentLogger })
    expect(() => readModel(definition as never, store, views as never)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(says) }),
    )
    expect(() => readModel(sums(), {} as never, memoryViews())).toThrow(/read model sums: store must be an EventStore/)
    await store.close()
  })
})

import { afterEach, describe, expect, it } from 'vitest'
import { silentLogger } from '../../src/base/logger.ts'
import { systemPorts } from '../../src/base/ports.ts'
import { ActorSystem } from '../../src/kernel/system.ts'
import { fromNactEngine, nactEngine } from '../../src/nact/index.ts'
import { eventSourced } from '../../src/persistence/event-sourced.ts'
import { entities } from '../../src/persistence/event-sourced-entities.ts'
import { EventStore } from '../../src/persistence/event-store.ts'
import type { Journal } from '../../src/persistence/journal.ts'
import { memoryJournal } from '../../src/persistence/memory-journal.ts'
import { append, journalContract, written } from '../persistence/journal-contract.ts'
import { ledger } from '../persistence/support.ts'
import { type Any, here, MemoryEngine, nact, turns } from './support.ts'

/** As most engines do: what it is given goes through JSON. */
class JsonEngine extends MemoryEngine {
  override persist(event: Any, ...properties: Any[]): Promise<void> {
    return super.persist(JSON.parse(JSON.stringify(event)), ...properties)
  }
  override takeSnapshot(snapshot: Any): Promise<void> {
    return super.takeSnapshot(JSON.parse(JSON.stringify(snapshot)))
  }
}

journalContract(
  'fromNactEngine',
  async () => {
    const engine = new JsonEngine()
    return {
      journal: () => fromNactEngine(engine as Any),
      breakNewestSnapshot: null,
      remove: async () => undefined,
    }
  },
  { secondOpen: 'fences', modelRuns: 30 },
)

const systems: ActorSystem[] = []
afterEach(async () => {
  for (const system of systems.splice(0)) await system.terminate()
})

const hosted = async (journal: Journal) => {
  const store = await EventStore.open(journal, { ...systemPorts, logger: silentLogger })
  const system = ActorSystem.start({ logger: silentLogger })
  systems.push(system)
  const kind = entities(ledger({ every: 3 }), store)
  system.spawn(kind.behavior)
  return { kind, store }
}

describe('Troupe’s event-sourced actors on an engine written for nact', () => {
  it('go on with what a program for nact stored, deleted events aside', async () => {
    for (const api of [nact, here]) {
      const engine = new JsonEngine()
      const system = api.start(api.configurePersistence(engine))
      const actor = api.spawnPersistent(
        system,
        async (state: Any, message: Any, { persist, recovering }: Any) => {
          if (!recovering) await persist(message)
          return state
        },
        'old-ledger',
      )
      for (const label of ['a', 'x', 'b']) api.dispatch(actor, { type: 'Added', label })
      await turns()
      api.stop(actor)
      ;(engine.events_['old-ledger'] as Any[])[1].isDeleted = true
      const historyOf = (id: string) => (id === 'ledger|one' ? 'old-ledger' : null)
      for (const labels of [
        ['a', 'b', 'c'],
        ['a', 'b', 'c', 'c'],
        ['a', 'b', 'c', 'c', 'c'],
      ]) {
        const { kind, store } = await hosted(fromNactEngine(engine as Any, { historyOf }))
        expect(await kind.ask('one', { type: 'add', label: 'c' })).toEqual(labels)
        expect(await kind.ask('two', { type: 'read' })).toEqual([])
        await systems.pop()?.terminate()
        await store.close()
      }
      expect(engine.events_['old-ledger']).toHaveLength(3)
    }
  })

  it('share a write, and recover from snapshots', async () => {
    const engine = new JsonEngine()
    const { kind, store } = await hosted(fromNactEngine(engine as Any))
    await Promise.all(Array.from({ length: 50 }, (_, i) => kind.ask(`id-${i}`, { type: 'add', label: 'a' })))
    expect(engine.events_.troupe?.length).toBeLessThan(10)
    for (const label of ['b', 'c', 'd']) await kind.ask('id-0', { type: 'add', label })
    await systems.pop()?.terminate()
    await store.close()
    expect(Object.keys(engine.snapshots)).toEqual(['troupe|snapshots|ledger|id-0'])
    const again = await hosted(fromNactEngine(engine as Any))
    expect(await again.kind.ask('id-0', { type: 'read' })).toEqual(['a', 'b', 'c', 'd'])
    await again.store.close()
  })

  it('a write that the engine rejects is unavailable, and what is there all the same is found', async () => {
    const engine = new JsonEngine()
    const journal = fromNactEngine(engine as Any)
    await journal.open()
    const first = append('a', 0)
    engine.failPersist = () => new Error('no connection')
    await expect(journal.commit(0, [first])).rejects.toMatchObject({ code: 'JOURNAL_UNAVAILABLE', retryable: true })
    engine.failPersist = () => null
    const { persist } = engine
    engine.persist = async event => {
      await persist.call(engine, event)
      throw new Error('the answer was lost')
    }
    await expect(journal.commit(0, [first])).rejects.toMatchObject({ code: 'JOURNAL_UNAVAILABLE' })
    engine.persist = persist
    expect(written(await journal.commit(0, [first]))).toEqual(['1 again'])
    expect(engine.events_.troupe).toHaveLength(1)
  })

  it('a process that finds what another one has written is fenced off before it writes', async () => {
    const [mine, theirs] = [new JsonEngine(), new JsonEngine()]
    // As two processes have it: an engine each, and one store.
    Object.assign(theirs, { events_: mine.events_, snapshots: mine.snapshots })
    const [older, newer] = [fromNactEngine(mine as Any), fromNactEngine(theirs as Any)]
    await older.open()
    expect(written(await older.commit(0, [append('a', 0)]))).toEqual(['1'])
    await newer.open()
    expect(written(await newer.commit(0, [append('a', 1), append('b', 0)]))).toEqual(['2', '3'])
    for (const write of [
      () => older.commit(0, [append('c', 0)]),
      () => older.saveCursors(0, new Map([['g', 1]])),
      () => older.commit(0, []),
    ])
      await expect(write()).rejects.toMatchObject({ code: 'JOURNAL_FENCED' })
    expect(written(await newer.commit(0, [append('b', 1)]))).toEqual(['4'])
    expect(mine.events_.troupe?.map(({ sequenceNumber }: Any) => sequenceNumber)).toEqual([1, 2, 3])
  })

  it('another process’ commit is not taken for a write whose answer was lost', async () => {
    const [mine, theirs] = [new JsonEngine(), new JsonEngine()]
    Object.assign(theirs, { events_: mine.events_, snapshots: mine.snapshots })
    const [older, newer] = [fromNactEngine(mine as Any), fromNactEngine(theirs as Any)]
    for (const journal of [older, newer]) await journal.open()
    mine.failPersist = () => new Error('no connection')
    await expect(older.commit(0, [append('a', 0)])).rejects.toMatchObject({ code: 'JOURNAL_UNAVAILABLE' })
    mine.failPersist = () => null
    await newer.commit(0, [append('b', 0)])
    await expect(older.commit(0, [append('a', 0)])).rejects.toMatchObject({ code: 'JOURNAL_FENCED' })
  })

  it('events of other programs under the journal’s key are refused, and so are missing ones', async () => {
    const engine = new JsonEngine()
    engine.events_.troupe = [{ data: 'theirs', sequenceNumber: 1, key: 'troupe', tags: [] }]
    await expect(fromNactEngine(engine as Any).open()).rejects.toMatchObject({ code: 'JOURNAL_FORMAT' })
    const own = new JsonEngine()
    const journal = fromNactEngine(own as Any, { key: 'own' })
    await journal.open()
    for (const id of ['a', 'b']) await journal.commit(0, [append(id, 0)])
    own.events_.own?.shift()
    await expect(fromNactEngine(own as Any, { key: 'own' }).open()).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT' })
  })

  it('there and back: on an engine that is itself on our journal', async () => {
    const engine = nactEngine(memoryJournal())
    const { kind, store } = await hosted(fromNactEngine(engine))
    expect(await kind.ask('x', { type: 'add', label: 'a' })).toEqual(['a'])
    await systems.pop()?.terminate()
    await store.close()
    await engine.close()
  })

  it('keeps what JSON would not', async () => {
    type Noted = { readonly type: 'Noted'; readonly value: unknown }
    const notes = eventSourced<{ value: unknown }, Noted, readonly unknown[], readonly unknown[]>({
      name: 'notes',
      initial: () => [],
      decide: (state, { value }) => ({ events: [{ type: 'Noted', value }], reply: state }),
      evolve: (state, { value }) => [...state, value],
    })
    const engine = new JsonEngine()
    const values = [10n ** 20n, new Date(5), new Uint8Array([1, 2]), undefined, -0, null]
    for (let round = 0; round < 2; round++) {
      const store = await EventStore.open(fromNactEngine(engine as Any), { ...systemPorts, logger: silentLogger })
      const system = ActorSystem.start({ logger: silentLogger })
      const kind = entities(notes, store)
      system.spawn(kind.behavior)
      if (round === 0) for (const value of values) await kind.ask('x', { value })
      else expect(await kind.ask('x', { value: 0 })).toEqual(values)
      await system.terminate()
      await store.close()
    }
  })
})

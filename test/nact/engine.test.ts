import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { afterEach, describe, expect, it } from 'vitest'
import { silentLogger } from '../../src/base/logger.ts'
import { systemPorts } from '../../src/base/ports.ts'
import { ActorSystem } from '../../src/kernel/system.ts'
import { nactEngine } from '../../src/nact/index.ts'
import { PersistedEvent, PersistedSnapshot } from '../../src/nact/lib/persistence/index.ts'
import { entities } from '../../src/persistence/event-sourced-entities.ts'
import { EventStore } from '../../src/persistence/event-store.ts'
import { memoryJournal, memoryStore } from '../../src/persistence/memory-journal.ts'
import { FaultyJournal } from '../../src/testkit/faults/faulty-journal.ts'
import { lmdbStore } from '../adapters/lmdb/lmdb-store.ts'
import { failNext, ledger } from '../persistence/support.ts'
import { startRedisServer } from '../support/redis-server.ts'
import { type Any, type Api, failureOf, here, nact, quietly, sleep, turns } from './support.ts'

const children: ChildProcess[] = []
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
})

const openStore = (memory = memoryStore(3), journal = memoryJournal({ store: memory })): Promise<EventStore> =>
  EventStore.open(journal, { ...systemPorts, logger: silentLogger })

const event = (data: unknown, nr: number, tags: string[] = [], key = 'key') =>
  new PersistedEvent(data, nr, key, tags, nr)

describe('an engine on our journal', () => {
  it('gives the events back as they were, by offset, limit and tags', async () => {
    const engine = nactEngine(memoryJournal())
    const events = [event({ type: 'A' }, 1, ['x', 'y']), event('text', 2, ['y']), event(null, 3), event([1], 4, ['x'])]
    for (const each of events) await engine.persist(each)
    const read = async (...args: Any[]): Promise<unknown> => await (engine.events as Any)('key', ...args)
    expect(await read(0)).toEqual(events)
    expect(await read(2)).toEqual(events.slice(2))
    expect(await read(1, 2)).toEqual(events.slice(1, 3))
    expect(await read(0, undefined, ['y'])).toEqual(events.slice(0, 2))
    expect(await read(4)).toEqual([])
    expect(await engine.events('other', 0)).toEqual([])
    await engine.close()
  })

  it('has the newest snapshot that can be read', async () => {
    const engine = nactEngine(memoryJournal())
    for (let nr = 1; nr <= 4; nr++) await engine.persist(event(nr, nr))
    expect(await engine.latestSnapshot('key')).toBeUndefined()
    await engine.events('key', 0)
    for (const nr of [2, 4]) await engine.takeSnapshot(new PersistedSnapshot({ sum: nr }, nr, 'key', nr))
    expect(await engine.latestSnapshot('key')).toEqual(new PersistedSnapshot({ sum: 4 }, 4, 'key', 4))
    await engine.close()
  })

  it('refuses what is no plain data, and a key that is none', async () => {
    const engine = nactEngine(memoryJournal())
    for (const [wrong, code] of [
      [event(() => 1, 1), 'EVENT_NOT_STORABLE'],
      [event('x'.repeat(2_000_000), 1), 'EVENT_TOO_LARGE'],
      [event(1, 1, [], ''), 'PERSISTENCE_ID_INVALID'],
    ] as const)
      await expect(engine.persist(wrong)).rejects.toMatchObject({ code })
    await expect(engine.takeSnapshot(new PersistedSnapshot(Symbol('no'), 0, 'key'))).rejects.toMatchObject({
      code: 'EVENT_NOT_STORABLE',
    })
    await engine.persist(event('fine', 1))
    expect(await engine.events('key', 0)).toHaveLength(1)
    await engine.close()
  })

  it('puts the writes of many actors into few commits', async () => {
    const memory = memoryStore()
    const journal = memoryJournal({ store: memory })
    let commits = 0
    const commit = journal.commit.bind(journal)
    journal.commit = (...args) => {
      commits++
      // As long as a flush takes.
      return sleep(5).then(() => commit(...args))
    }
    const engine = nactEngine(journal)
    const system = nact.start(nact.configurePersistence(engine))
    const actors = Array.from({ length: 100 }, (_, i) =>
      nact.spawnPersistent(
        system,
        async (state: Any, message: Any, { persist, sender }: Any) => {
          await persist(message)
          nact.dispatch(sender, 'stored')
          return state
        },
        `key-${i}`,
      ),
    )
    await turns()
    await Promise.all(actors.map(actor => nact.query(actor, 'event', 2_000)))
    expect(memory.partitions[0]?.log).toHaveLength(100)
    expect(commits).toBeLessThan(10)
    await engine.close()
  })

  it('two actors of one key: the second is refused, and both until one recovers', () =>
    quietly(async () => {
      const engine = nactEngine(memoryJournal())
      const system = nact.start(nact.configurePersistence(engine))
      const make = (name: string) =>
        nact.spawnPersistent(
          system,
          async (state: Any, message: Any, { persist, sender, recovering }: Any) => {
            if (recovering) return state
            nact.dispatch(
              sender,
              await persist(message).then(
                () => 'stored',
                (error: Any) => error.code,
              ),
            )
            return state
          },
          'same',
          name,
        )
      const [one, two] = [make('one'), make('two')]
      const ask = (actor: Any) => nact.query(actor, 'event', 1_000)
      await turns()
      expect([await ask(one), await ask(two), await ask(two), await ask(one)]).toEqual([
        'stored',
        'JOURNAL_SEQUENCE_CONFLICT',
        'JOURNAL_SEQUENCE_CONFLICT',
        'JOURNAL_SEQUENCE_CONFLICT',
      ])
      nact.stop(one)
      expect(await ask(make('three'))).toBe('stored')
      expect(await engine.events('same', 0)).toHaveLength(2)
      await engine.close()
    }))

  it('a process that opens the store later fences the first one off', () =>
    quietly(async () => {
      const memory = memoryStore()
      const [old, young] = [nactEngine(memoryJournal({ store: memory })), nactEngine(memoryJournal({ store: memory }))]
      await old.persist(event('from the old one', 1))
      await young.open()
      await expect(old.persist(event('too late', 2))).rejects.toMatchObject({ code: 'JOURNAL_FENCED' })
      await young.events('key', 0)
      await young.latestSnapshot('key')
      await young.events('key', 0)
      await young.persist(event('from the young one', 2))
      expect(((await young.events('key', 0)) as unknown as PersistedEvent[]).map(({ data }) => data)).toEqual([
        'from the old one',
        'from the young one',
      ])
      for (const engine of [old, young]) await engine.close()
    }))

  it('a number whose write failed leaves no gap in the log, and a snapshot after it fits', async () => {
    const memory = memoryStore()
    const journal = new FaultyJournal(memoryJournal({ store: memory }))
    const engine = nactEngine(await openStore(memory, journal))
    const outcomes: Any[] = []
    const run = async (messages: readonly string[]) => {
      const system = nact.start(nact.configurePersistence(engine))
      const actor = nact.spawnPersistent(
        system,
        async (state = '', message: Any, { persist, sender, recovering }: Any) => {
          if (!recovering && message !== 'read')
            try {
              if (message === 'x') failNext(journal, 'commit', 'before')
              await persist(message)
            } catch (error) {
              outcomes.push((error as Any).code)
              return state
            }
          if (message === 'read') nact.dispatch(sender, state)
          return message === 'read' ? state : state + message
        },
        'word',
        undefined,
        { snapshotEvery: 4 },
      )
      for (const each of messages) nact.dispatch(actor, each)
      const state = await nact.query(actor, 'read', 1_000)
      nact.stop(actor)
      return state
    }
    expect(await run(['a', 'x', 'b', 'c', 'd'])).toBe('abcd')
    expect(outcomes).toEqual(['JOURNAL_UNAVAILABLE'])
    await turns()
    expect((await engine.latestSnapshot('word'))?.sequenceNumber).toBe(3)
    expect(await run(['e'])).toBe('abcde')
    expect(
      ((await engine.events('word', 0)) as unknown as PersistedEvent[]).map(({ sequenceNumber }) => sequenceNumber),
    ).toEqual([1, 2, 3, 4, 5])
  })

  it('a write whose answer was lost is found by the next recovery', () =>
    quietly(async () => {
      const memory = memoryStore()
      const journal = new FaultyJournal(memoryJournal({ store: memory }))
      const engine = nactEngine(await openStore(memory, journal))
      await engine.persist(event('a', 1))
      failNext(journal, 'commit', 'after')
      await expect(engine.persist(event('b', 2))).rejects.toMatchObject({ code: 'JOURNAL_UNAVAILABLE' })
      await engine.latestSnapshot('key')
      expect(await engine.events('key', 0)).toEqual([event('a', 1), event('b', 2)])
      await engine.persist(event('c', 3))
      expect(await engine.events('key', 0)).toHaveLength(3)
    }))

  it('reads what Troupe’s own actors stored', async () => {
    const store = await openStore()
    const system = ActorSystem.start({ logger: silentLogger })
    const kind = entities(ledger(), store)
    system.spawn(kind.behavior)
    for (const label of ['a', 'b']) await kind.ask('one', { type: 'add', label })
    const query = nact.persistentQuery(
      nact.start(nact.configurePersistence(nactEngine(store))),
      (labels = '', { label }: Any) => labels + label,
      'ledger|one',
    )
    expect(await query()).toBe('ab')
    await system.terminate()
    await store.close()
  })

  for (const [name, api] of [
    ['nact', nact],
    ['troupe/nact', here],
  ] as readonly (readonly [string, Api])[])
    it(`serves ${name}: persist, snapshot, start again, recover`, async () => {
      const memory = memoryStore(3)
      const run = async (messages: readonly number[]) => {
        const engine = nactEngine(memoryJournal({ store: memory }), { logger: silentLogger })
        const system = api.start(api.configurePersistence(engine))
        let replayed = 0
        const actor = api.spawnPersistent(
          system,
          async (sum = 0, message: Any, { persist, recovering, sender }: Any) => {
            if (recovering) replayed++
            else if (message !== 'read') await persist(message)
            if (message === 'read') api.dispatch(sender, [sum, replayed])
            return message === 'read' ? sum : sum + message
          },
          'sum',
          undefined,
          { snapshotEvery: 10 },
        )
        for (const each of messages) api.dispatch(actor, each)
        const answer = await api.query(actor, 'read', 2_000)
        await turns()
        api.stop(actor)
        api.stop(system)
        await engine.close()
        return answer
      }
      expect(await run([1, 2, 3])).toEqual([6, 0])
      expect(await run(Array.from({ length: 20 }, () => 1))).toEqual([26, 3])
      const [sum, replayed] = await run([])
      expect([sum, replayed < 15]).toEqual([26, true])
    })

  it('a store that cannot be opened fails the recovery', () =>
    quietly(async () => {
      const engine = nactEngine(Object.assign(memoryJournal(), { open: () => Promise.reject(new Error('no disk')) }))
      const system = nact.start(nact.configurePersistence(engine))
      const seen: string[] = []
      nact.spawnPersistent(system, (state: Any) => state, 'key', 'a', {
        onCrash: (_message: Any, error: Any, { stop }: Any) => {
          seen.push(error.message)
          return stop
        },
      })
      await turns()
      expect(seen).toEqual(['no disk'])
      expect(await failureOf(engine.open().then(() => undefined))).toBe('no disk')
    }))
})

describe('a process with nact itself, killed with kill -9 and started again,', () => {
  /** Runs the child until it has acknowledged `enough`, then kills it; gives what it recovered and what it acknowledged. */
  const runUntil = async (where: string, enough: number) => {
    const script = `${import.meta.dirname}/engine-child.ts`
    const child = spawn(process.execPath, ['--conditions=troupe-source', '--import', 'tsx', script, where], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    children.push(child)
    let errors = ''
    child.stderr.on('data', (text: Buffer) => {
      errors += text
    })
    let recovered: readonly number[] | null = null
    let last = 0
    for await (const line of createInterface(child.stdout)) {
      if (line.startsWith('recovered')) {
        const [, count, sum, , replayed] = line.split(' ')
        recovered = [Number(count), Number(sum), Number(replayed)]
        last = Number(count)
      } else {
        expect(Number(line)).toBe(last + 1)
        last++
      }
      if (recovered !== null && last >= enough) child.kill('SIGKILL')
    }
    if (recovered === null) throw new Error(`the child said nothing: ${errors}`)
    return { recovered, last }
  }

  const survives = async (where: string): Promise<void> => {
    let acknowledged = 0
    for (const enough of [250, 430, 650]) {
      const { recovered, last } = await runUntil(where, enough)
      const [count = 0, sum, replayed] = recovered
      // Nothing acknowledged is lost; one write more may have been under way.
      expect(count - acknowledged === 0 || count - acknowledged === 1).toBe(true)
      expect(sum).toBe((count * (count + 1)) / 2)
      if (acknowledged > 0) expect(replayed).toBeLessThanOrEqual(201)
      acknowledged = last
    }
  }

  it('recovers from its snapshot and events in a real Redis', async () => {
    const redis = await startRedisServer(['--appendfsync everysec'])
    try {
      await survives(redis.url)
    } finally {
      await redis.stop()
    }
  }, 60_000)

  it('recovers from its snapshot and events in LMDB', async () => {
    const store = lmdbStore()
    try {
      await survives(`lmdb:${store.path}`)
    } finally {
      await store.remove()
    }
  }, 60_000)
})

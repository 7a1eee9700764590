import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { application, premium, premiumIdOf, risk } from '../../actors/index.ts'
import { assessRiskAfter, calculatePremiumRateAfter, evaluateQuoteAfter } from '../../actors/translations.ts'
import { redisJournal, redisViews } from '../../src/adapters/redis/index.ts'
import { type Logger, silentLogger } from '../../src/base/logger.ts'
import { systemPorts } from '../../src/base/ports.ts'
import { cloudEventFunction, httpFunction, routed, sqsFunction, toFunction } from '../../src/functions/index.ts'
import { ActorSystem } from '../../src/kernel/system.ts'
import { eventSourced } from '../../src/persistence/event-sourced.ts'
import { entities } from '../../src/persistence/event-sourced-entities.ts'
import { EventStore } from '../../src/persistence/event-store.ts'
import type { Journal } from '../../src/persistence/journal.ts'
import { memoryJournal, memoryStore } from '../../src/persistence/memory-journal.ts'
import { memoryViews, projection, update } from '../../src/projection/index.ts'
import { anApplication } from '../actors/arbitraries.ts'
import { type RedisServer, startRedisServer } from '../support/redis-server.ts'

type Command = { readonly add: number } | { readonly fail: 'decide' | 'evolve' }
type Event = { readonly type: 'Added'; readonly by: number } | { readonly type: 'Poisoned' }

const counter = eventSourced<Command, Event, number, number>({
  name: 'counter',
  initial: () => 0,
  decide: (sum, command) => {
    if ('add' in command) return { events: [{ type: 'Added', by: command.add }], reply: sum + command.add }
    if (command.fail === 'decide') throw new Error('decide failed')
    return { events: [{ type: 'Poisoned' }] }
  },
  evolve: (sum, event) => {
    if (event.type === 'Poisoned') throw new Error('evolve failed')
    return sum + event.by
  },
  snapshot: { every: 10, keep: 2 },
})

let server: RedisServer
let prefixes = 0
beforeAll(async () => {
  server = await startRedisServer()
})
afterAll(() => server.stop())

const STORES = {
  memory: () => {
    const store = memoryStore(2)
    return (writer: 'owner' | 'guest'): Journal => memoryJournal({ store, writer })
  },
  Redis: () => {
    const prefix = `functions${++prefixes}`
    return (writer: 'owner' | 'guest'): Journal =>
      redisJournal({ url: server.url, prefix, partitions: 2, writer, logger: silentLogger })
  },
} as const

const VIEWS = {
  memory: () => {
    const views = memoryViews()
    return () => views
  },
  Redis: () => {
    const prefix = `functions-views${++prefixes}`
    return () => redisViews({ url: server.url, prefix })
  },
} as const

const quiet = { logger: silentLogger }

const sums = projection<{ readonly type: 'Added'; readonly by: number }, { readonly sum: number }>({
  name: 'sums',
  events: ['Added'],
  project: ({ by }, { id }) => [update<{ sum: number }>(id, row => ({ sum: (row?.sum ?? 0) + by }))],
})

describe.each(['memory', 'Redis'] as const)('a function on %s', name => {
  it('counts every one of 64 concurrent invocations on one entity, in as many instances', async () => {
    const journal = STORES[name]()
    const instances = Array.from({ length: 8 }, () =>
      toFunction({ entity: counter, journal: journal('guest'), ...quiet }),
    )
    const results = await Promise.all(
      Array.from({ length: 64 }, (_, i) => instances[i % 8]!({ id: 'one', command: { add: 1 }, messageId: `m${i}` })),
    )
    // Each saw another sum: no two decided on the same state.
    expect(results.map(({ reply }) => reply).sort((a, b) => a! - b!)).toEqual(
      Array.from({ length: 64 }, (_, i) => i + 1),
    )
    expect(results.some(({ conflicts }) => conflicts > 0)).toBe(true)
    const again = await Promise.all(
      Array.from({ length: 64 }, (_, i) => instances[i % 8]!({ id: 'one', command: { add: 1 }, messageId: `m${i}` })),
    )
    expect(again.every(({ repeated }) => repeated)).toBe(true)
    const { reply } = await instances[0]!({ id: 'one', command: { add: 0 } })
    expect(reply).toBe(64)
    for (const instance of instances) await instance.close()
  })

  it('writes beside the process that owns the store, and fences nobody', async () => {
    const journal = STORES[name]()
    const store = await EventStore.open(journal('owner'), { ...systemPorts, logger: silentLogger })
    const system = ActorSystem.start({ name: 'owner', logger: silentLogger })
    const counters = entities(counter, store, { passivateAfterMs: 50 })
    system.spawn(counters.behavior)
    expect(await counters.ask('owned', { add: 1 })).toBe(1)
    const invoke = toFunction({ entity: counter, journal: journal('guest'), ...quiet })
    for (let i = 1; i <= 5; i++) expect((await invoke({ id: 'other', command: { add: 1 } })).reply).toBe(i)
    expect(await counters.ask('owned', { add: 1 })).toBe(2)
    // The entity that the function wrote to, as the owner's actor finds it.
    expect(await counters.ask('other', { add: 1 })).toBe(6)
    await invoke.close()
    await system.terminate()
    await store.close()
  })

  it('finds its way with snapshots, which it writes as the actor does', async () => {
    const journal = STORES[name]()
    const invoke = toFunction({ entity: counter, journal: journal('guest'), ...quiet })
    for (let i = 0; i < 25; i++) await invoke({ id: 'long', command: { add: 1 }, messageId: `m${i}` })
    await invoke.close()
    const reader = journal('guest')
    await reader.open()
    const kept: number[] = []
    for await (const { sequenceNr } of reader.loadSnapshots('counter|long', () => undefined)) kept.push(sequenceNr)
    expect(kept).toEqual([20, 10])
    await reader.close()
    const later = toFunction({ entity: counter, journal: journal('guest'), ...quiet })
    // Of a message from before the snapshot it knows that it was handled.
    expect(await later({ id: 'long', command: { add: 1 }, messageId: 'm3' })).toMatchObject({ repeated: true })
    expect((await later({ id: 'long', command: { add: 0 } })).reply).toBe(25)
    await later.close()
  })
})

describe.each(['memory', 'Redis'] as const)('functions of one view on %s', name => {
  const instances = (count: number) => {
    const journal = STORES[name]()
    const views = VIEWS[name]()
    const add = toFunction({ entity: counter, journal: journal('guest'), ...quiet })
    const bring = Array.from({ length: count }, () =>
      toFunction({ projection: sums, views: views(), journal: journal('guest'), ...quiet }),
    )
    const reader = views()
    const shown = async () => {
      await reader.open()
      const { live, next } = await reader.builds('sums')
      return { build: live!.number, next, rows: await reader.get(live!, ['x']) }
    }
    const close = async () => {
      for (const instance of [add, ...bring]) await instance.close()
    }
    return { add: async (by: number) => void (await add({ id: 'x', command: { add: by } })), bring, shown, close }
  }

  it('bring it on when they are warm, and never back', async () => {
    const { add, bring, shown, close } = instances(2)
    const early = () => bring[0]!(null)
    const late = () => bring[1]!(null)
    await add(3)
    await early()
    await add(3)
    await early()
    expect(await shown()).toEqual({ build: 1, next: null, rows: [{ sum: 6 }] })
    await add(1)
    await late()
    await early()
    expect(await shown()).toEqual({ build: 1, next: null, rows: [{ sum: 7 }] })
    await close()
  })

  it('bring it on at once, each event counted once', async () => {
    const { add, bring, shown, close } = instances(4)
    for (let round = 1; round <= 4; round++) {
      for (let i = 0; i < 8; i++) await add(1)
      await Promise.all(bring.map(each => each(null)))
      expect((await shown()).rows).toEqual([{ sum: 8 * round }])
    }
    await close()
  })
})

it('rejects with what decide and evolve throw, stores nothing of it, and works on', async () => {
  const store = memoryStore()
  const invoke = toFunction({ entity: counter, journal: memoryJournal({ store, writer: 'guest' }), ...quiet })
  await expect(invoke({ id: 'x', command: { fail: 'decide' } })).rejects.toThrow('decide failed')
  await expect(invoke({ id: 'x', command: { fail: 'evolve' } })).rejects.toThrow('evolve failed')
  expect(store.partitions[0]!.lastPosition).toBe(0)
  expect(await invoke({ id: 'x', command: { add: 2 } })).toEqual({ reply: 2, repeated: false, conflicts: 0 })
})

it('leaves a decision that makes an event good to the actor', async () => {
  const store = memoryStore()
  const fixing = eventSourced<null, Event, number>({
    name: 'fixing',
    initial: () => 0,
    decide: () => ({ events: [{ type: 'Added', by: 1 }], compensates: 'some-event.0' }),
    evolve: sum => sum,
  })
  const invoke = toFunction({ entity: fixing, journal: memoryJournal({ store, writer: 'guest' }), ...quiet })
  await expect(invoke({ id: 'x', command: null })).rejects.toMatchObject({ code: 'COMPENSATION_INVALID' })
  expect(store.partitions[0]!.lastPosition).toBe(0)
})

it('stores on whose behalf it was, and the trace', async () => {
  const store = memoryStore()
  const invoke = toFunction({ entity: counter, journal: memoryJournal({ store, writer: 'guest' }), ...quiet })
  const traceId = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
  await invoke({ id: 'x', command: { add: 1 }, principal: 'anna', traceId, messageId: 'm', correlationId: 'c' })
  const [stored] = store.partitions[0]!.log
  expect(stored).toMatchObject({ principal: 'anna', traceParent: traceId, causationId: 'm', correlationId: 'c' })
})

it('refuses ids that are no text, which would be one id for all', async () => {
  const store = memoryStore()
  const journal = () => memoryJournal({ store, writer: 'guest' })
  const entity = toFunction({ entity: counter, journal: journal(), ...quiet })
  for (const id of [undefined, null, 7, {}])
    await expect(entity({ id: id as string, command: { add: 1 } })).rejects.toMatchObject({
      code: 'PERSISTENCE_ID_INVALID',
    })
  const bridge = toFunction({
    bridge: { name: 'all', translate: () => routed(counter, 'x', { add: 1 }) },
    journal: journal(),
    ...quiet,
  })
  for (const id of [undefined, null, 7, {}, ''])
    await expect(bridge({ type: 'Add', payload: null, id: id as string })).rejects.toMatchObject({
      code: 'MESSAGE_INVALID',
    })
  expect(store.partitions[0]!.lastPosition).toBe(0)
})

it('gives up after its tries, with the conflict', async () => {
  const journal = memoryJournal({ writer: 'guest' })
  const commit = journal.commit.bind(journal)
  // As if somebody else came first, every time.
  journal.commit = async (nr, appends, cursors) =>
    appends.length === 0
      ? commit(nr, appends, cursors)
      : appends.map(() => ({ status: 'conflict', actualSequenceNr: 9 }))
  const invoke = toFunction({ entity: counter, journal, attemptsMax: 3, ...quiet })
  await expect(invoke({ id: 'x', command: { add: 1 } })).rejects.toMatchObject({ code: 'JOURNAL_SEQUENCE_CONFLICT' })
})

it('says one line for each invocation: cold or warm, conflicts, and the trace', async () => {
  const lines: Record<string, unknown>[] = []
  const logger: Logger = { log: (level, text, fields) => void lines.push({ level, text, ...fields }) }
  const invoke = toFunction({ entity: counter, journal: memoryJournal({ writer: 'guest' }), logger })
  await invoke({ id: 'x', command: { add: 1 } }, { traceId: 't-1' })
  await invoke({ id: 'x', command: { add: 1 }, traceId: 't-2' })
  await expect(invoke({ id: 'x', command: { fail: 'decide' } })).rejects.toThrow()
  expect(lines).toMatchObject([
    {
      level: 'info',
      text: 'function counter',
      start: 'cold',
      entity: 'counter|x',
      conflicts: 0,
      traceId: 't-1',
      ms: expect.any(Number),
    },
    { level: 'info', start: 'warm', conflicts: 0, traceId: 't-2' },
    { level: 'error', start: 'warm', traceId: null, error: expect.any(Error) },
  ])
})

it('opens its store anew where it could not be opened', async () => {
  const journal = memoryJournal({ writer: 'guest' })
  const open = journal.open.bind(journal)
  let tries = 0
  journal.open = async () => {
    if (++tries === 1) throw new Error('away')
    await open()
  }
  const opening = toFunction({ entity: counter, journal, ...quiet })
  await expect(opening({ id: 'x', command: { add: 1 } })).rejects.toThrow('away')
  expect((await opening({ id: 'x', command: { add: 1 } })).reply).toBe(1)
})

it('runs the domain as it is, one function for each bridge', async () => {
  const store = memoryStore()
  const journal = () => memoryJournal({ store, writer: 'guest' })
  const risks = toFunction({
    bridge: {
      name: 'risk-events',
      translate: ({ payload }) => {
        const event = payload as Parameters<typeof assessRiskAfter>[0]
        return routed(risk, event.region, assessRiskAfter(event))
      },
    },
    journal: journal(),
    ...quiet,
  })
  const premiums = toFunction({
    bridge: {
      name: 'premium-events',
      translate: ({ payload }) => {
        const event = payload as Parameters<typeof calculatePremiumRateAfter>[0]
        return routed(premium, premiumIdOf(event.region, event.tariffVersion), calculatePremiumRateAfter(event))
      },
    },
    journal: journal(),
    ...quiet,
  })
  const quotes = toFunction({
    bridge: {
      name: 'underwriting-events',
      translate: ({ type, payload }) => {
        if (type !== 'PremiumRateCalculated') return null
        const event = payload as Parameters<typeof evaluateQuoteAfter>[0]
        return routed(application, event.applicationId, evaluateQuoteAfter(event))
      },
    },
    journal: journal(),
    ...quiet,
  })
  const applications = toFunction({ entity: application, journal: journal(), ...quiet })
  await applications({ id: 'A-1', command: { type: 'SubmitApplication', application: anApplication } })
  const submitted = { type: 'ApplicationSubmitted', ...anApplication }
  const assessed = await risks({ type: 'ApplicationSubmitted', payload: submitted, id: 'e-1' })
  const { assessment } = assessed.reply as { assessment: object }
  // What comes twice is assessed once.
  expect(await risks({ type: 'ApplicationSubmitted', payload: submitted, id: 'e-1' })).toMatchObject({ repeated: true })
  const rated = await premiums({ type: 'RiskAssessed', payload: assessment, id: 'e-2' })
  const { rate } = rated.reply as { rate: object }
  expect(await quotes({ type: 'SomethingElse', payload: null, id: 'e-9' })).toMatchObject({ reply: undefined })
  await quotes({ type: 'PremiumRateCalculated', payload: rate, id: 'e-3' })
  const { reply } = await applications({ id: 'A-1', command: { type: 'DescribeApplication' } })
  expect(reply?.view.status).toBe('quoted')
  const types = store.partitions[0]!.log.flatMap(({ records }) => records.map(({ type }) => type))
  expect(types).toEqual(['ApplicationSubmitted', 'RiskAssessed', 'PremiumRateCalculated', 'QuoteGenerated'])
  expect(store.partitions[0]!.log[1]).toMatchObject({ causationId: 'e-1', correlationId: 'e-1' })
})

it('brings a view up to the end of the log', async () => {
  const store = memoryStore()
  const invoke = toFunction({ entity: counter, journal: memoryJournal({ store, writer: 'guest' }), ...quiet })
  const views = memoryViews()
  const options = { projection: sums, views, ...quiet }
  for (const expected of [3, 6]) {
    for (let i = 0; i < 3; i++) await invoke({ id: 'x', command: { add: 1 } })
    const bring = toFunction({ ...options, journal: memoryJournal({ store, writer: 'guest' }) })
    await bring(null)
    const { live } = await views.builds('sums')
    expect(await views.get(live!, ['x'])).toEqual([{ sum: expected }])
  }
})

describe('as platforms call it', () => {
  const adding = () => {
    const journal = memoryJournal({ writer: 'guest' })
    return toFunction({
      bridge: {
        name: 'adding',
        translate: ({ payload }) => {
          const { id, ...command } = payload as { id: string } & Command
          return routed(counter, id, command as Command)
        },
      },
      journal,
      ...quiet,
    })
  }
  const cloudEvent = (id: string, data: object) => ({ specversion: '1.0', id, source: '/test', type: 'Add', data })

  it('takes a request and gives a response, and tells nobody why it failed', async () => {
    const entity = toFunction({ entity: counter, journal: memoryJournal({ writer: 'guest' }), ...quiet })
    const handle = httpFunction(entity, async request => {
      if (request.method !== 'POST') return new Response(null, { status: 405 })
      return { id: new URL(request.url).pathname.slice(1), command: (await request.json()) as Command }
    })
    const post = (body: object) => handle(new Request('http://x/c-1', { method: 'POST', body: JSON.stringify(body) }))
    const answered = await post({ add: 2 })
    expect([answered.status, await answered.json()]).toEqual([200, { reply: 2, repeated: false, conflicts: 0 }])
    expect((await handle(new Request('http://x/c-1'))).status).toBe(405)
    const failed = await post({ fail: 'decide' })
    expect([failed.status, await failed.text()]).toEqual([500, ''])
  })

  it("stores the trace of a request with what came of it, and the message's own before the platform's", async () => {
    const store = memoryStore()
    const entity = toFunction({ entity: counter, journal: memoryJournal({ store, writer: 'guest' }), ...quiet })
    const handle = httpFunction(entity, () => ({ id: 'x', command: { add: 1 } }))
    const traces = ['a', 'b'].map(digit => `00-${digit.repeat(32)}-${'c'.repeat(16)}-01`)
    await handle(new Request('http://x/', { method: 'POST', headers: { traceparent: traces[0]! } }))
    await entity({ id: 'x', command: { add: 1 }, traceId: traces[1]! }, { traceId: traces[0]! })
    await entity({ id: 'x', command: { add: 1 } }, { traceId: 'no trace parent' })
    expect(store.partitions[0]!.log.map(({ traceParent }) => traceParent)).toEqual([...traces, null])
  })

  it('takes CloudEvents, each once', async () => {
    const handle = cloudEventFunction(adding())
    expect((await handle(cloudEvent('1', { id: 'c', add: 2 }))).reply).toBe(2)
    expect((await handle(cloudEvent('1', { id: 'c', add: 2 }))).repeated).toBe(true)
    expect((await handle(cloudEvent('2', { id: 'c', add: 2 }))).reply).toBe(4)
  })

  it('takes no event for another one: what is no CloudEvent fails, and comes again', async () => {
    const invoke = adding()
    const event = cloudEvent('1', { id: 'c', add: 2 })
    const { id: _, ...withoutId } = event
    const { source: __, ...withoutSource } = event
    for (const wrong of [
      withoutId,
      withoutSource,
      { ...event, id: '' },
      { ...event, id: 7 },
      {},
      null,
      [event],
      'text',
    ])
      await expect(cloudEventFunction(invoke)(wrong as never)).rejects.toMatchObject({ code: 'MESSAGE_INVALID' })
    const handle = sqsFunction(invoke)
    const Records = [1, 2, 3].map(nr => ({ messageId: `${nr}`, body: JSON.stringify(withoutId) }))
    const { batchItemFailures } = await handle({ Records })
    expect(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)).toEqual(['1', '2', '3'])
    expect((await cloudEventFunction(invoke)(event)).reply).toBe(2)
  })

  it('takes a batch of a queue, and says which of its messages are to come again', async () => {
    const invoke = adding()
    const handle = sqsFunction(invoke)
    const record = (messageId: string, data: object | string, group?: string) => ({
      messageId,
      body: typeof data === 'string' ? data : JSON.stringify(cloudEvent(messageId, data)),
      ...(group !== undefined && { attributes: { MessageGroupId: group } }),
    })
    const { batchItemFailures } = await handle({
      Records: [
        record('1', { id: 'a', add: 1 }),
        record('2', { id: 'b', fail: 'decide' }),
        record('3', 'no JSON'),
        record('4', { id: 'c', add: 1 }, 'g'),
        record('5', { id: 'c', fail: 'decide' }, 'g'),
        record('6', { id: 'c', add: 10 }, 'g'),
      ],
    })
    expect(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier).sort()).toEqual(['2', '3', '5', '6'])
    const sumOf = async (id: string) =>
      (await invoke({ type: 'Add', payload: { id, add: 0 }, id: `look at ${id}` })).reply
    expect(await sumOf('a')).toBe(1)
    expect(await sumOf('c')).toBe(1)
  })
})

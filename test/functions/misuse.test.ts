import { expect, it } from 'vitest'
import type { Logger } from '../../src/base/logger.ts'
import {
  type BridgeTranslation,
  cloudEventFunction,
  type EntityEvent,
  httpFunction,
  routed,
  sqsFunction,
  toFunction,
} from '../../src/functions/index.ts'
import { eventSourced } from '../../src/persistence/event-sourced.ts'
import { memoryJournal, memoryStore } from '../../src/persistence/memory-journal.ts'
import { memoryViews, projection, put } from '../../src/projection/index.ts'

type Added = { readonly type: 'Added'; readonly by: number }

const counter = eventSourced<number, Added, number, number>({
  name: 'counter',
  initial: () => 0,
  decide: (sum, by) => ({ events: [{ type: 'Added', by }], reply: sum + by }),
  evolve: (sum, { by }) => sum + by,
})

const sums = projection<Added, { readonly by: number }>({
  name: 'sums',
  events: ['Added'],
  project: ({ by }, { id }) => [put(id, { by })],
})

const bridge: BridgeTranslation = { name: 'adding', translate: () => routed(counter, 'c', 1) }

class Lines implements Logger {
  readonly lines: string[] = []

  log(level: string, text: string, fields: Readonly<Record<string, unknown>> = {}): void {
    const { error, traceId } = fields
    this.lines.push(`${level} ${text} ${String(traceId)}: ${error instanceof Error ? error.message : 'done'}`)
  }
}

const office = () => {
  const store = memoryStore()
  const logger = new Lines()
  const options = { journal: memoryJournal({ store, writer: 'guest' as const }), logger }
  return { store, logger, options }
}

it.each([
  ['without an id', { command: 1 }, 'PERSISTENCE_ID_INVALID', /counter: an entity's id is text, not undefined/],
  ['without a command', { id: 'c' }, 'MESSAGE_INVALID', /counter: .* has no command/],
  [
    'with a misspelt key',
    { id: 'c', command: 1, messageid: 'm' },
    'MESSAGE_INVALID',
    /may have .*messageId.*"messageid"/,
  ],
  ['that is none', null, 'MESSAGE_INVALID', /must be an object, not null/],
  ['that is a text', 'c', 'MESSAGE_INVALID', /must be an object, not "c"/],
])('refuses an event for an entity %s, and stores nothing', async (_, event, code, says) => {
  const { store, options } = office()
  const invoke = toFunction({ entity: counter, ...options })
  await expect(invoke(event as unknown as EntityEvent<number>)).rejects.toMatchObject({
    code,
    message: expect.stringMatching(says),
  })
  expect(store.partitions[0]!.lastPosition).toBe(0)
})

const journal = memoryJournal({ writer: 'guest' })
const views = memoryViews()

it.each([
  ['nothing', undefined, /must be an object/],
  ['no journal', { entity: counter }, /journal must be a journal, not undefined/],
  ['a journal that is none', { entity: counter, journal: {} }, /journal must be a journal/],
  ['an unknown key', { entity: counter, journal, attempts: 3 }, /may have .*attemptsMax.*"attempts"/],
  ['attempts that are no number', { entity: counter, journal, attemptsMax: 0 }, /attemptsMax must be a whole number/],
  ['a logger that is none', { entity: counter, journal, logger: {} }, /logger must be a logger/],
  ['neither entity nor bridge nor projection', { journal }, /give one of entity, bridge and projection, not none/],
  ['two of them', { entity: counter, bridge, journal }, /give one of .*, not entity and bridge/],
  ['a bridge without a name', { bridge: { translate: bridge.translate }, journal }, /bridge\.name must be a text/],
  ['a bridge without translate', { bridge: { name: 'x' }, journal }, /bridge\.translate must be a function/],
  ['a projection without views', { projection: sums, journal }, /views must be a store of views, not undefined/],
  ['views without a projection', { entity: counter, views, journal }, /views is for a projection/],
])('refuses %s when it is made', (_, options, says) => {
  expect(() => toFunction(options as never)).toThrow(
    expect.objectContaining({ code: 'DEFINITION_INVALID', message: expect.stringMatching(says) }),
  )
})

it.each([
  ['an object that is none', { nope: 1 }],
  ['nothing', undefined],
  ['another definition', { definition: { name: 'counter' }, id: 'c', command: 1 }],
])('says which bridge has translated a message into %s', async (_, answer) => {
  const invoke = toFunction({ bridge: { name: 'odd', translate: () => answer as never }, ...office().options })
  await expect(invoke({ type: 'Add', payload: null, id: '1' })).rejects.toMatchObject({
    code: 'DEFINITION_INVALID',
    message: expect.stringContaining('bridge odd: translate must give routed(…) or null'),
  })
})

it('answers 400 to a request that cannot be read, and the log has why', async () => {
  const { logger, options } = office()
  const handle = httpFunction(
    toFunction({ entity: counter, ...options }),
    async request => (await request.json()) as EntityEvent<number>,
  )
  const post = async (body: string) => {
    const headers = { traceparent: 'of-the-request' }
    const response = await handle(new Request('http://x/', { method: 'POST', body, headers }))
    return [response.status, await response.text()]
  }
  expect(await post('{ no JSON')).toEqual([400, ''])
  expect(await post('{"command":1}')).toEqual([400, ''])
  expect(await post('{"id":"c","command":1,"messageid":"m"}')).toEqual([400, ''])
  expect(logger.lines).toEqual([
    expect.stringMatching(/^error function counter of-the-request: .*JSON/),
    expect.stringContaining("an entity's id is text"),
    expect.stringContaining('messageid'),
  ])
})

it('answers 500 where reading fails by its own fault, and the log has why', async () => {
  const { logger, options } = office()
  const handle = httpFunction(toFunction({ entity: counter, ...options }), () => {
    throw new Error('the reader is broken')
  })
  expect((await handle(new Request('http://x/'))).status).toBe(500)
  expect(logger.lines).toEqual([expect.stringContaining('error function counter null: the reader is broken')])
})

it('logs what of a queue or of a bus was no CloudEvent', async () => {
  const { logger, options } = office()
  const invoke = toFunction({ bridge, ...options })
  const Records = [{ messageId: '1', body: 'no JSON', attributes: { AWSTraceHeader: 'of-the-queue' } }]
  expect(await sqsFunction(invoke)({ Records })).toEqual({ batchItemFailures: [{ itemIdentifier: '1' }] })
  await expect(cloudEventFunction(invoke)({} as never)).rejects.toMatchObject({ code: 'MESSAGE_INVALID' })
  expect(logger.lines).toEqual([
    expect.stringMatching(/^error function adding of-the-queue: .*JSON/),
    expect.stringMatching(/^error function adding null: /),
  ])
})

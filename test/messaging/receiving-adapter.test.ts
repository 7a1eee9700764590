import * as v from 'valibot'
import { expect, test } from 'vitest'
import { type Behavior, behavior } from '../../src/kernel/behavior.ts'
import {
  type ReceivingAdapter,
  type ReceivingAdapterDefinition,
  receivingAdapter,
} from '../../src/messaging/receiving-adapter.ts'
import type { StandardResult, StandardSchema } from '../../src/messaging/standard-schema.ts'
import { childRef } from '../../src/supervision/control.ts'
import { supervisor } from '../../src/supervision/supervisor.ts'
import { gate, rejection, Stage, settle } from '../kernel/support.ts'

const schemaOf = <Output>(
  validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>,
): StandardSchema<Output> => ({ '~standard': { version: 1, vendor: 'test', validate } })

const numbers = schemaOf<number>(value =>
  typeof value === 'number' ? { value } : { issues: [{ message: 'expected a number' }, { message: 'and no text' }] },
)

class Door extends Stage {
  readonly dispatched: number[] = []
  readonly adapter: ReceivingAdapter<string>
  readonly ref

  constructor(definition: Partial<ReceivingAdapterDefinition<number, string>> = {}) {
    super()
    this.adapter = receivingAdapter<number, string>({
      name: 'door',
      schema: numbers,
      dispatch: async request => {
        this.dispatched.push(request)
        return `did ${request}`
      },
      ...definition,
    })
    this.ref = this.spawn(this.adapter.behavior)
  }
}

test('hands a valid request over and gives its answer', async () => {
  await using door = new Door()
  await settle()
  expect(await door.adapter.request(7)).toEqual({ accepted: true, reply: 'did 7' })
})

test('hands on who asks and why, as whoever let the request in says, and never the request itself', async () => {
  const causes: unknown[] = []
  await using door = new Door({
    dispatch: async (_, cause) => {
      causes.push(cause)
      return 'done'
    },
  })
  await settle()
  await door.adapter.request(1, { principal: 'user:42' })
  await door.adapter.request(2)
  expect(causes).toEqual([{ principal: 'user:42' }, {}])
})

test('gives what is wrong with a request as a value, and the domain never sees it', async () => {
  await using door = new Door()
  await settle()
  expect(await door.adapter.request('7')).toEqual({ accepted: false, issues: ['expected a number', 'and no text'] })
  expect(door.dispatched).toEqual([])
})

test('takes a schema that validates asynchronously, and what it made of the input', async () => {
  await using door = new Door({
    schema: schemaOf(async value => {
      await settle()
      return value === 'no' ? { issues: [{ message: 'no' }] } : { value: Number(value) * 2 }
    }),
  })
  await settle()
  expect(await door.adapter.request('4')).toEqual({ accepted: true, reply: 'did 8' })
  expect(await door.adapter.request('no')).toEqual({ accepted: false, issues: ['no'] })
})

test('takes a schema of a library that fulfils the standard', async () => {
  await using door = new Door({ schema: v.pipe(v.number('expected a number'), v.minValue(1, 'at least 1')) })
  await settle()
  expect(await door.adapter.request(0)).toEqual({ accepted: false, issues: ['at least 1'] })
  expect(await door.adapter.request(1)).toEqual({ accepted: true, reply: 'did 1' })
})

test('what dispatch or the schema throws reaches the caller as it is, and the door goes on', async () => {
  const refused = new Error('refused')
  const broken = new Error('broken schema')
  await using door = new Door({
    schema: schemaOf(value => {
      if (value === 0) throw broken
      return { value: value as number }
    }),
    dispatch: async request => {
      if (request === 1) throw refused
      return 'fine'
    },
  })
  await settle()
  expect(await rejection(door.adapter.request(0))).toBe(broken)
  expect(await rejection(door.adapter.request(1))).toBe(refused)
  expect(await door.adapter.request(2)).toEqual({ accepted: true, reply: 'fine' })
})

test('has at most maxInFlight requests under way; more wait, in order', async () => {
  const gates = Array.from({ length: 6 }, () => gate())
  const begun: number[] = []
  await using door = new Door({
    maxInFlight: 2,
    dispatch: async request => {
      begun.push(request)
      await gates[request]!.opened
      return `did ${request}`
    },
  })
  await settle()
  const answers = [0, 1, 2, 3, 4, 5].map(request => door.adapter.request(request))
  await settle()
  expect(begun).toEqual([0, 1])
  gates[1]!.open()
  await settle()
  expect(begun).toEqual([0, 1, 2])
  for (const { open } of gates) open()
  expect((await Promise.all(answers)).map(answer => answer.accepted && answer.reply)).toEqual(
    [0, 1, 2, 3, 4, 5].map(request => `did ${request}`),
  )
  expect(begun).toEqual([0, 1, 2, 3, 4, 5])
})

test('a request before its first start waits for that', async () => {
  await using stage = new Stage()
  const adapter = receivingAdapter<number, string>({ name: 'door', schema: numbers, dispatch: async nr => `did ${nr}` })
  const early = adapter.request(1)
  await settle()
  stage.spawn(adapter.behavior)
  expect(await early).toEqual({ accepted: true, reply: 'did 1' })
})

test('says BRIDGE_STOPPED after its end, and for what it has not answered when it ends', async () => {
  for (const end of ['stop', 'kill'] as const) {
    await using door = new Door({ maxInFlight: 1, dispatch: () => new Promise(() => undefined) })
    await settle()
    const underWay = rejection(door.adapter.request(1))
    const waiting = rejection(door.adapter.request(2))
    await settle()
    if (end === 'stop') await door.ref.stop()
    else door.ref.kill()
    for (const failed of [underWay, waiting, rejection(door.adapter.request(3))])
      expect(await failed).toMatchObject({ code: 'BRIDGE_STOPPED' })
  }
})

test('keeps its bound over a restart, though what was under way ends only later', async () => {
  await using stage = new Stage()
  const gates = Array.from({ length: 6 }, () => gate())
  const begun: number[] = []
  const adapter = receivingAdapter<number, string>({
    name: 'door',
    schema: numbers,
    maxInFlight: 1,
    dispatch: async request => {
      begun.push(request)
      await gates[request]!.opened
      return `did ${request}`
    },
  })
  // As in a context: where the entities fail as a whole, the door behind them starts again.
  const entities = behavior<'crash', null>({
    initial: () => null,
    receive: () => {
      throw new Error('crashed')
    },
  })
  const root = stage.spawn(
    supervisor({
      strategy: 'rest-for-one',
      children: [
        { id: 'entities', start: entities as Behavior<never> },
        { id: 'door', start: adapter.behavior },
      ],
    }),
  )
  await settle()
  const lost = rejection(adapter.request(0))
  await settle()
  ;(await childRef<'crash'>(root, 'entities')).tell('crash')
  expect(await lost).toMatchObject({ code: 'BRIDGE_STOPPED' })
  await settle()
  void adapter.request(1)
  void adapter.request(2)
  await settle()
  gates[0]!.open()
  await settle()
  expect(begun).toEqual([0, 1])
  for (const { open } of gates) open()
  await settle()
  expect(begun).toEqual([0, 1, 2])
})

const dispatch = async (): Promise<number> => 1

test.each([
  ['nothing', undefined, /must be an object/],
  ['no schema', { name: 'door', dispatch }, /"door": schema must be a Standard Schema.*not undefined/],
  ['a schema that is none', { name: 'door', schema: { parse: () => 1 }, dispatch }, /schema must be/],
  ['no name', { schema: numbers, dispatch }, /name must be a text/],
  ['no dispatch', { name: 'door', schema: numbers }, /dispatch must be a function/],
  ['no room', { name: 'door', schema: numbers, dispatch, maxInFlight: 0 }, /maxInFlight must be/],
  ['a misspelt key', { name: 'door', schema: numbers, dispatch, maxInflight: 1 }, /"maxInflight"/],
])('refuses a definition with %s, when it is made', (_, definition, says) => {
  expect(() => receivingAdapter(definition as never)).toThrow(
    expect.objectContaining({ code: 'DEFINITION_INVALID', message: expect.stringMatching(says) }),
  )
})

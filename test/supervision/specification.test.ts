import {
  type ChildSpec,
  type EventSourcedEntitiesOptions,
  isRuntimeError,
  type SupervisorSpec,
  supervisor,
} from 'troupe'
import { expect, test } from 'vitest'
import { worker } from './support.ts'

const start = worker('a', [])

/** The text that a specification is refused with; what the types would refuse is cast. */
const refusal = (spec: Record<string, unknown>): string => {
  try {
    supervisor(spec as unknown as SupervisorSpec)
  } catch (error) {
    if (isRuntimeError(error, 'CHILD_SPEC_INVALID')) return error.message
    throw error
  }
  return 'accepted'
}

const child = (fields: Record<string, unknown>, flags: Record<string, unknown> = {}): string =>
  refusal({ ...flags, children: [{ id: 'a', start, ...fields }] })

test.each([
  [
    { strategy: 'all' },
    "supervisor specification: strategy must be 'one-for-one', 'one-for-all', 'rest-for-one', not 'all'",
  ],
  [{ intensity: -1 }, 'supervisor specification: intensity must be a whole number of at least 0, not -1'],
  [{ intensity: 1.5 }, 'supervisor specification: intensity must be a whole number of at least 0, not 1.5'],
  [{ periodMs: 0 }, 'supervisor specification: periodMs must be a number of ms above 0, not 0'],
  [{ periodMs: Number.NaN }, 'supervisor specification: periodMs must be a number of ms above 0, not NaN'],
  [
    { autoShutdown: 'yes' },
    "supervisor specification: autoShutdown must be 'never', 'any-significant', 'all-significant', not 'yes'",
  ],
])('refuses a supervisor with %j', (flags, text) => {
  expect(refusal({ ...flags, children: [] })).toBe(text)
})

test('refuses two children with one id', () => {
  expect(
    refusal({
      children: [
        { id: 'a', start },
        { id: 'a', start },
      ],
    }),
  ).toBe('child specification "a": id is used by another child')
})

test('refuses a child without an id, a behavior, or with a value that is none', () => {
  expect(child({ id: '' })).toBe(`child specification "": id must be a string with at least one character, not ''`)
  expect(child({ id: 7 })).toBe('child specification "7": id must be a string with at least one character, not 7')
  expect(child({ start: {} })).toBe('child specification "a": start must be a behavior, not [object Object]')
  expect(child({ restart: 'always' })).toBe(
    `child specification "a": restart must be 'permanent', 'transient', 'temporary', not 'always'`,
  )
  expect(child({ significant: 1 })).toBe('child specification "a": significant must be true or false, not 1')
  for (const shutdownMs of [-1, Number.NaN, Number.POSITIVE_INFINITY, 'never'])
    expect(child({ shutdownMs })).toMatch(
      /^child specification "a": shutdownMs must be ms, 'brutal-kill' or 'infinity'/,
    )
})

test("refuses a significant child where autoShutdown is 'never', and one that is permanent", () => {
  expect(child({ restart: 'transient', significant: true })).toBe(
    `child specification "a": significant must be false where the supervisor's autoShutdown is 'never'`,
  )
  expect(child({ significant: true }, { autoShutdown: 'any-significant' })).toBe(
    `child specification "a": significant must be false for a child with restart 'permanent'`,
  )
})

test('refuses a backoff, a decider or a redelivery that is none, of a child or its supervisor', () => {
  for (const [backoff, text] of [
    [{ minMs: 0 }, 'backoff.minMs must be a number of ms above 0, not 0'],
    [{ minMs: Number.NaN }, 'backoff.minMs must be a number of ms above 0, not NaN'],
    [{ minMs: 50, maxMs: 49 }, 'backoff.maxMs must be at least minMs, 50, not 49'],
    [{ maxMs: Number.POSITIVE_INFINITY }, 'backoff.maxMs must be at least minMs, 100, not Infinity'],
    [{ jitter: 1.1 }, 'backoff.jitter must be a share from 0 to 1, not 1.1'],
    [{ resetAfterMs: -1 }, 'backoff.resetAfterMs must be a number of ms above 0, not -1'],
  ] as const) {
    expect(child({ backoff })).toBe(`child specification "a": ${text}`)
    expect(refusal({ backoff, children: [] })).toBe(`supervisor specification: ${text}`)
  }
  expect(child({ decider: 'stop' })).toBe(`child specification "a": decider must be a function, not 'stop'`)
  expect(child({ backoff: 5 })).toBe('child specification "a": backoff must be an object, not 5')
  for (const redeliver of [null, 3])
    expect(child({ redeliver })).toBe(`child specification "a": redeliver must be an object, not ${redeliver}`)
  for (const attempts of [0, 1.5, Number.POSITIVE_INFINITY])
    expect(child({ redeliver: { attempts } })).toBe(
      `child specification "a": redeliver.attempts must be a whole number of at least 1, not ${attempts}`,
    )
  expect(child({ start: supervisor({ children: [] }), redeliver: { attempts: 2 } })).toBe(
    'child specification "a": redeliver must be left out for an actor of the runtime itself, such as a supervisor',
  )
})

test('refuses to restart without end where restarts do not wait', () => {
  const intensity = Number.POSITIVE_INFINITY
  expect(refusal({ intensity, children: [] })).toBe(
    'supervisor specification: intensity must be finite where restarts do not wait: give a backoff with it, not Infinity',
  )
  expect(refusal({ intensity, backoff: {}, children: [] })).toBe('accepted')
})

test('accepts what OTP does', () => {
  expect(refusal({ children: [] })).toBe('accepted')
  for (const shutdownMs of [0, 1, 'brutal-kill', 'infinity']) expect(child({ shutdownMs })).toBe('accepted')
  for (const restart of ['transient', 'temporary'])
    expect(child({ restart, significant: true }, { autoShutdown: 'all-significant' })).toBe('accepted')
})

test('what the types can refuse does not compile', () => {
  const children: ChildSpec[] = [
    { id: 'a', start, restart: 'temporary', significant: true },
    // @ts-expect-error a permanent child is never the last to end
    { id: 'b', start, restart: 'permanent', significant: true },
    // @ts-expect-error permanent is the default
    { id: 'c', start, significant: true },
    // @ts-expect-error no such restart type
    { id: 'd', start, restart: 'always' },
    // @ts-expect-error a behavior, not what makes one
    { id: 'e', start: () => start },
    // @ts-expect-error no such directive
    { id: 'f', start, decider: () => 'reboot' },
    // @ts-expect-error a decider does not wait
    { id: 'g', start, decider: async () => 'restart' },
    // @ts-expect-error a child has an id
    { start },
  ]
  expect(children).toHaveLength(8)
  // @ts-expect-error what an event-sourced actor was is in its log, not in its state: it rests, and is never resumed
  const options: EventSourcedEntitiesOptions = { decider: () => 'resume' }
  expect(options).toBeDefined()
})

test('refuses what is no specification at all, and says what it is', () => {
  expect(refusal(undefined as never)).toBe('supervisor specification: it must be an object, not undefined')
  expect(refusal({})).toBe('supervisor specification: children must be an array of child specifications, not undefined')
  expect(refusal({ children: [null] })).toBe(
    'supervisor specification: a child must be a child specification, not null',
  )
  expect(child({ id: Object.create(null) })).toContain('not [object Object]')
})

test('a child whose id is called otherwise is told that its id is missing', () => {
  expect(refusal({ children: [{ name: 'a', start }] })).toBe(
    'child specification "undefined": id is missing, and there is "name": the child\'s name in its path is its id',
  )
  expect(refusal({ children: [{ start }] })).toBe('child specification "undefined": id is missing')
})

test('what has a behavior and is none is refused with a hint', () => {
  expect(child({ start: { behavior: start } })).toBe(
    'child specification "a": start must be a behavior, not [object Object]: give its .behavior',
  )
})

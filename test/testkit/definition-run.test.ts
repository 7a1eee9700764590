import { eventSchema, eventSourced, to, upcast } from 'troupe'
import { runDefinition } from 'troupe/testkit'
import { describe, expect, test } from 'vitest'

type Command = { readonly type: 'deposit'; readonly amount: number } | { readonly type: 'balance' }
type Event = { readonly type: 'Deposited'; readonly amount: number; readonly atMs: number }
interface State {
  readonly balance: number
  readonly log: readonly number[]
}

type Definition = Parameters<typeof eventSourced<Command, Event, State, number>>[0]

const account = (changes: Partial<Definition> = {}) =>
  eventSourced<Command, Event, State, number>({
    name: 'account',
    initial: () => ({ balance: 0, log: [] }),
    decide: (state, command, { nowMs, id }) =>
      command.type === 'balance'
        ? { reply: state.balance }
        : {
            events: [{ type: 'Deposited', amount: command.amount, atMs: nowMs }],
            reply: state.balance + command.amount,
            send: [to('audit', { id, amount: command.amount })],
          },
    evolve: (state, event) => ({ balance: state.balance + event.amount, log: [...state.log, event.amount] }),
    ...changes,
  })

describe('a definition on its own', () => {
  test('given events, when a command, then events, reply, sends and state', () => {
    const run = runDefinition(account(), 'A-1').given(
      { type: 'Deposited', amount: 5, atMs: 1 },
      { type: 'Deposited', amount: 7, atMs: 2 },
    )
    expect(run.when({ type: 'deposit', amount: 30 }, { nowMs: 99 })).toEqual({
      events: [{ type: 'Deposited', amount: 30, atMs: 99 }],
      reply: 42,
      send: [{ to: 'audit', command: { id: 'A-1', amount: 30 } }],
      state: { balance: 42, log: [5, 7, 30] },
    })
    expect(run.when({ type: 'balance' })).toMatchObject({ events: [], reply: 42, send: [] })
    expect(run.events).toHaveLength(3)
  })

  test('a decision with a key that nobody reads is found', () => {
    const misspelt = account({ decide: () => ({ evnets: [] }) as never })
    expect(() => runDefinition(misspelt).when({ type: 'balance' })).toThrow(
      expect.objectContaining({ code: 'DECISION_INVALID', message: expect.stringMatching(/"evnets"/) }),
    )
  })

  test('an evolve that returns nothing is found', () => {
    const silent = account({ evolve: () => undefined as never })
    expect(() => runDefinition(silent).given({ type: 'Deposited', amount: 1, atMs: 0 })).toThrow(
      expect.objectContaining({ code: 'DEFINITION_INVALID', message: expect.stringMatching(/evolve .*Deposited/) }),
    )
  })

  test('a decide that draws a number is found', () => {
    let drawn = 0
    const impure = account({ decide: () => ({ reply: ++drawn }) })
    expect(() => runDefinition(impure).when({ type: 'balance' })).toThrow(/account: decide gives another result/)
  })

  test('an evolve that changes the state that it was given is found, also inside an instance', () => {
    const mutating = account({
      evolve: (state, event) => {
        ;(state.log as number[]).push(event.amount)
        return state
      },
    })
    expect(() => runDefinition(mutating).given({ type: 'Deposited', amount: 1, atMs: 0 })).toThrow(TypeError)
    const counting = eventSourced<never, { readonly type: 'Counted' }, Map<string, number>>({
      name: 'counter',
      initial: () => new Map(),
      decide: () => ({}),
      evolve: state => state.set('n', (state.get('n') ?? 0) + 1),
    })
    expect(() => runDefinition(counting).given({ type: 'Counted' })).toThrow(/counter: evolve of Counted gives another/)
  })

  test('a decide that changes its command is found', () => {
    const greedy = account({
      decide: (_state, command) => {
        ;(command as { amount: number }).amount = 0
        return {}
      },
    })
    expect(() => runDefinition(greedy).when({ type: 'deposit', amount: 1 })).toThrow(TypeError)
  })

  test('what could not be stored is refused as the runtime refuses it', () => {
    const unstorable = account({
      decide: () => ({ events: [{ type: 'Deposited', amount: Number.NaN, atMs: 0 }] }),
    })
    expect(() => runDefinition(unstorable).when({ type: 'balance' })).toThrow(
      expect.objectContaining({ code: 'EVENT_NOT_STORABLE' }),
    )
    const promising = account({ decide: (async () => ({})) as never })
    expect(() => runDefinition(promising).when({ type: 'balance' })).toThrow(
      expect.objectContaining({ code: 'DECISION_INVALID' }),
    )
  })

  test('a state that no snapshot could hold is found where the definition wants snapshots', () => {
    const evolve = () => ({ balance: 0, log: [Number.NaN] })
    const event: Event = { type: 'Deposited', amount: 1, atMs: 0 }
    expect(() => runDefinition(account({ evolve, snapshot: { every: 1 } })).given(event)).toThrow(
      expect.objectContaining({ code: 'EVENT_NOT_STORABLE' }),
    )
  })

  test('folds what an older version has stored as its upcasters read it, which must be pure too', () => {
    let rate = 100
    const versioned = (step: () => number) =>
      account({
        schema: eventSchema<Event>({
          versions: { Deposited: 2 },
          upcasters: [
            upcast('Deposited', 1, (old: { readonly euros: number; readonly atMs: number }) => ({
              amount: old.euros * step(),
              atMs: old.atMs,
            })),
          ],
        }),
      })
    const stored = { type: 'Deposited', version: 1, payload: { type: 'Deposited', euros: 3, atMs: 7 } }
    const run = runDefinition(versioned(() => 100)).givenStored(stored)
    expect(run.state.balance).toBe(300)
    expect(() => runDefinition(versioned(() => rate++)).givenStored(stored)).toThrow(
      /Deposited of version 1 gives another/,
    )
    expect(() => runDefinition(versioned(() => 1)).givenStored({ ...stored, version: 9 })).toThrow(
      expect.objectContaining({ code: 'EVENT_UNKNOWN' }),
    )
  })
})

import fc from 'fast-check'
import type { EventSourcedDefinition } from 'troupe'
import { describe, expect, it } from 'vitest'
import { application, premium, quoteProcess, risk } from '../../actors/index.ts'
import { applicationCommand, premiumCommand, processCommand, riskCommand } from './commands.ts'
import { Entity } from './entity.ts'

const deepFreeze = <Value>(value: Value): Value => {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    Object.values(value).forEach(deepFreeze)
  }
  return value
}

/** What the runtime builds on, for any commands in any order, each perhaps twice. */
const holdsFor = <Command, Event extends { readonly type: string }, State, Reply>(
  definition: EventSourcedDefinition<Command, Event, State, Reply>,
  command: fc.Arbitrary<Command>,
  readOnly: Command,
): void => {
  const commands = fc.array(command, { maxLength: 12 })

  it('gets the same state back from its stored events, and never throws', () => {
    fc.assert(
      fc.property(commands, commands => {
        const entity = new Entity(definition, 'A-1')
        for (const [index, command] of commands.entries()) entity.handle(command, index)
        expect(entity.recovered()).toEqual(entity.state)
        expect(JSON.parse(JSON.stringify(entity.state))).toEqual(entity.state)
      }),
      { numRuns: 300 },
    )
  })

  it('decides and evolves without touching what it is given, the same every time', () => {
    fc.assert(
      fc.property(commands, commands => {
        const frozen = commands.map(deepFreeze)
        const [one, other] = [new Entity(definition, 'A-1'), new Entity(definition, 'A-1')]
        for (const command of frozen) {
          deepFreeze(one.state)
          const decision = deepFreeze(one.handle(command, 7))
          expect(other.handle(command, 7)).toEqual(decision)
        }
      }),
    )
  })

  it('gives events of one type the same fields in the same order, none left out', () => {
    const shapes = new Map<string, string>()
    fc.assert(
      fc.property(commands, commands => {
        const entity = new Entity(definition, 'A-1')
        for (const command of commands) entity.handle(command)
        for (const event of entity.events) {
          const shape = Object.keys(event).join()
          expect(shapes.get(event.type) ?? shape).toBe(shape)
          shapes.set(event.type, shape)
          expect(Object.values(event)).not.toContain(undefined)
        }
      }),
    )
    expect(shapes.size).toBeGreaterThan(0)
  })

  it('stores nothing for a question', () => {
    fc.assert(
      fc.property(commands, commands => {
        const entity = new Entity(definition, 'A-1')
        for (const command of commands) entity.handle(command)
        const decision = entity.handle(readOnly)
        expect([decision.events, decision.send ?? []]).toEqual([[], []])
        expect(decision.reply).toBeDefined()
      }),
    )
  })
}

/** A command that comes again at once is the one that was delivered twice. */
const ignoresRepetition = <Command, Event extends { readonly type: string }, State, Reply>(
  definition: EventSourcedDefinition<Command, Event, State, Reply>,
  command: fc.Arbitrary<Command>,
): void => {
  it('is changed by no command that comes a second time', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 12 }), commands => {
        const entity = new Entity(definition, 'A-1')
        for (const command of commands) {
          entity.handle(command)
          const again = entity.handle(command)
          expect([again.events, again.send ?? []]).toEqual([[], []])
        }
      }),
      { numRuns: 300 },
    )
  })
}

describe('the application', () => {
  holdsFor(application, applicationCommand, { type: 'DescribeApplication' })
  ignoresRepetition(application, applicationCommand)
})

describe('the quote process', () => {
  holdsFor(quoteProcess, processCommand, { type: 'DescribeProcess' })
  ignoresRepetition(quoteProcess, processCommand)
})

describe('the risk', () => holdsFor(risk, riskCommand, { type: 'DescribeAccumulation' }))
describe('the premium', () => holdsFor(premium, premiumCommand, { type: 'DescribePremiums' }))

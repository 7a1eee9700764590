// What every behavior of the domain keeps over a restart, in a real store: state, sequence number and inbox, from
// whichever snapshot the entity begins.
import fc from 'fast-check'
import type { EventSourcedDefinition, Snapshot } from 'troupe'
import { ActorSystem, EventStore, entities, memoryJournal, recover, silentLogger, systemPorts } from 'troupe'
import { describe, expect, it } from 'vitest'
import { application, premium, quoteProcess, risk } from '../../actors/index.ts'
import { applicationCommand, premiumCommand, processCommand, riskCommand } from './commands.ts'

const keepsOverRestarts = <Command, Event extends { readonly type: string }, State, Reply>(
  definition: EventSourcedDefinition<Command, Event, State, Reply>,
  command: fc.Arbitrary<Command>,
): void => {
  it('is after a recovery what it was before, from all events and from any snapshot', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(command, { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 1, max: 5 }),
        async (commands, every) => {
          const journal = memoryJournal()
          const store = await EventStore.open(journal, { ...systemPorts, logger: silentLogger })
          await using system = ActorSystem.start({ name: 'recovering', logger: silentLogger })
          const states: State[] = []
          const noting: typeof definition = {
            ...definition,
            snapshot: { every, keep: 1_000 },
            evolve: (state, event) => {
              const next = definition.evolve(state, event)
              states.push(next)
              return next
            },
          }
          const kind = entities(noting, store)
          const ref = system.spawn(kind.behavior)
          for (const each of commands) await kind.ask('A-1', each)
          const before = states.at(-1) ?? definition.initial('A-1')
          await ref.stop()

          const persistenceId = `${definition.name}|A-1`
          const snapshots: Snapshot[] = []
          for await (const snapshot of journal.loadSnapshots(persistenceId, () => undefined)) snapshots.push(snapshot)
          // `null`: from all events.
          for (const from of [null, ...snapshots]) {
            journal.loadSnapshots = async function* () {
              if (from !== null) yield from
            }
            const recovered = await recover(store, noting as never, 'A-1')
            expect(recovered.state).toEqual(before)
            expect(recovered.snapshotSequenceNr).toBe(from?.sequenceNr ?? 0)
            expect(recovered.sequenceNr).toBe(await journal.lastSequenceNr(persistenceId))
          }
          await store.close()
        },
      ),
      { numRuns: 40 },
    )
  }, 60_000)
}

describe('the application', () => keepsOverRestarts(application, applicationCommand))
describe('the quote process', () => keepsOverRestarts(quoteProcess, processCommand))
describe('the risk', () => keepsOverRestarts(risk, riskCommand))
describe('the premium', () => keepsOverRestarts(premium, premiumCommand))

/// <reference lib="esnext.disposable" preserve="true" />
/**
 * `troupe/testkit`: what tests of actors need. docs/testkit.md has its promises and examples.
 *
 * No test runner is named here: expectations throw `AssertionError`, and contract suites are lists of cases.
 */

export { BehaviorRun, type BehaviorRunOptions, runBehavior, runBehaviorAsync } from './behavior/behavior-run.ts'
export type { Effect } from './behavior/effects.ts'
export type { ContractCase } from './contracts/contract-case.ts'
export { journalContract } from './contracts/journal-contract.ts'
export type { JournalContractOptions, JournalTestStore } from './contracts/journal-scene.ts'
export { type SourceContractOptions, sourceContract } from './contracts/source-contract.ts'
export type { SourceTestBus } from './contracts/source-scene.ts'
export { deepFreeze } from './deep-freeze.ts'
export { type Decided, DefinitionRun, type GivenContext, runDefinition } from './definition/definition-run.ts'
export type { Fault, FaultPlan } from './faults/fault.ts'
export { Faults, type Target } from './faults/faults.ts'
export { type AnyInterceptor, faultyActor } from './faults/faulty-actor.ts'
export { FaultyClock } from './faults/faulty-clock.ts'
export { FaultyJournal, type JournalOperation } from './faults/faulty-journal.ts'
export { FaultySource, type SourceOperation } from './faults/faulty-source.ts'
export { frozenMessages } from './frozen-messages.ts'
export { type Expected, type ExpectOptions, Probe, probeOf } from './probe.ts'
export { type LogLine, RecordingLogger } from './recording-logger.ts'
export {
  acknowledgementLost,
  actorCrash,
  actorKill,
  callsLate,
  callsLost,
  callTwice,
  commitTwice,
  crashAtCommit,
  deliveryLate,
  deliveryTwice,
  type FaultKind,
  type PlannedFault,
  pick,
  processCrash,
  secondProcess,
  stalledLoop,
  standardFaults,
  storeDown,
  storeErrorAfter,
  storeErrorBefore,
  storeSlow,
  wallJump,
} from './simulation/fault-kinds.ts'
export { type FaultOptions, scheduleOf } from './simulation/fault-schedule.ts'
export { shrink } from './simulation/shrink.ts'
export {
  replay,
  type Simulation,
  SimulationFailed,
  type SimulationReport,
  simulate,
  type Violation,
} from './simulation/simulate.ts'
export type { SimulatedHost } from './simulation/simulated-host.ts'
export { type Answer, type Boot, CallFailed, type SimulatedProcess } from './simulation/simulated-process.ts'
export type { SimulatedStore } from './simulation/simulated-store.ts'
export type { SimulatedTopic } from './simulation/simulated-topic.ts'
export { SimulatedWorld, SimulationStuck, type WorldLimits } from './simulation/simulated-world.ts'
export type { Invariant, Invariants, RunResult, Simulated } from './simulation/simulation-run.ts'
export type { TraceEvent } from './simulation/trace.ts'
export { TestSystem, type TestSystemOptions, testSystem } from './test-system.ts'
export { VirtualClock } from './virtual-clock.ts'
export { VirtualTurns } from './virtual-turns.ts'

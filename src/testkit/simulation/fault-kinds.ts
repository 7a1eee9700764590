import type { SimulatedHost } from './simulated-host.ts'
import type { SimulatedProcess } from './simulated-process.ts'
import type { SimulatedStore } from './simulated-store.ts'
import type { SimulatedWorld } from './simulated-world.ts'

/** One fault of a run: data, so that a schedule can be printed, cut down and run again. */
export interface PlannedFault {
  /** Name of its kind. */
  readonly kind: string
  /** Simulated time. */
  readonly atMs: number
  /** 0 to 1: which of those that it could be for. */
  readonly target: number
  /** 0 to 1: how much, how long. */
  readonly size: number
}

/** A way in which things go wrong. Where there is nobody that it could be for, nothing happens. */
export interface FaultKind {
  readonly name: string
  /** How often it is drawn, beside others. Default: 1. */
  readonly weight?: number
  inject(world: SimulatedWorld, fault: PlannedFault): void
}

/** Which of `all` a fault is for. */
export const pick = <Item>(all: readonly Item[], target: number): Item | undefined =>
  all[Math.min(all.length - 1, Math.floor(target * all.length))]

const processOf = (world: SimulatedWorld, { target }: PlannedFault): SimulatedProcess<unknown> | undefined =>
  pick(world.processes, target)

const hostOf = (world: SimulatedWorld, { target }: PlannedFault): SimulatedHost | undefined =>
  pick(
    world.processes.flatMap(process => process.hosts),
    target,
  )

const storeOf = (world: SimulatedWorld, { target }: PlannedFault): SimulatedStore | undefined =>
  pick(world.stores, target)

/** One to `max`. */
const countOf = ({ size }: PlannedFault, max: number): number => 1 + Math.floor(size * (max - 0.001))

const kind = (name: string, inject: FaultKind['inject'], weight = 1): FaultKind => ({ name, inject, weight })

/** A process ends without a word, and is started again some time later. */
export const processCrash = kind(
  'process-crash',
  (world, fault) => processOf(world, fault)?.crash(10 + fault.size * 2_000),
  2,
)

/** A second process takes the store over while the first still runs. */
export const secondProcess = kind('second-process', (world, fault) => processOf(world, fault)?.startAnother())

/** An event loop stands still for up to three seconds. */
export const stalledLoop = kind('stalled-loop', (world, fault) => hostOf(world, fault)?.stall(5 + fault.size * 3_000))

/** Any actor fails, as if its handler had thrown. */
export const actorCrash = kind(
  'actor-crash',
  (world, { target, size }) => {
    const host = pick(
      world.processes.flatMap(process => process.hosts),
      target,
    )
    const actor = pick(host?.actors() ?? [], size)
    if (actor === undefined) return
    world.note(`${actor.path} fails`)
    actor.failFromOutside(new Error(`${actor.path}: an injected crash`))
  },
  3,
)

/** Any actor is killed. */
export const actorKill = kind('actor-kill', (world, { target, size }) => {
  const host = pick(
    world.processes.flatMap(process => process.hosts),
    target,
  )
  const actor = pick(host?.actors() ?? [], size)
  if (actor === undefined) return
  world.note(`${actor.path} is killed`)
  actor.kill()
})

/** The next commits are not written, and fail. */
export const storeErrorBefore = kind('store-error-before', (world, fault) =>
  storeOf(world, fault)?.faults.next('commit', { fail: 'before' }, countOf(fault, 3)),
)

/** The next commits are written, and their answers lost. */
export const storeErrorAfter = kind('store-error-after', (world, fault) =>
  storeOf(world, fault)?.faults.next('commit', { fail: 'after' }, countOf(fault, 3)),
)

/** The process ends as its next commit reaches the store: before or after it is written. */
export const crashAtCommit = kind('crash-at-commit', (world, fault) =>
  storeOf(world, fault)?.faults.next('commit', { crash: { at: fault.size < 0.5 ? 'before' : 'after', run: nothing } }),
)

/** The next operations of a store fail, whatever they are. */
export const storeDown = kind('store-down', (world, fault) =>
  storeOf(world, fault)?.faults.next('*', { fail: 'before' }, countOf(fault, 12)),
)

/** The next operations of a store take up to half a second. */
export const storeSlow = kind('store-slow', (world, fault) =>
  storeOf(world, fault)?.faults.next('*', { delayMs: fault.size * 500 }, countOf(fault, 20)),
)

/** A commit arrives twice. */
export const commitTwice = kind('commit-twice', (world, fault) =>
  storeOf(world, fault)?.faults.next('commit', { duplicate: true }, countOf(fault, 3)),
)

/** Requests are lost, or what is answered to them is. */
export const callsLost = kind('calls-lost', (world, fault) =>
  processOf(world, fault)?.faults.next('call', { fail: fault.size < 0.5 ? 'before' : 'after' }, countOf(fault, 6)),
)

/** A request arrives twice. */
export const callTwice = kind('call-twice', (world, fault) =>
  processOf(world, fault)?.faults.next('call', { duplicate: true }, countOf(fault, 3)),
)

/** Requests arrive late. */
export const callsLate = kind('calls-late', (world, fault) =>
  processOf(world, fault)?.faults.next('call', { delayMs: fault.size * 1_000 }, countOf(fault, 3)),
)

/** A topic delivers twice. */
export const deliveryTwice = kind('delivery-twice', (world, fault) =>
  pick(world.topics, fault.target)?.faults.next('deliver', { duplicate: true }, countOf(fault, 3)),
)

/** A topic delivers late. */
export const deliveryLate = kind('delivery-late', (world, fault) =>
  pick(world.topics, fault.target)?.faults.next('deliver', { delayMs: fault.size * 1_000 }),
)

/** Acknowledgements are lost. */
export const acknowledgementLost = kind('acknowledgement-lost', (world, fault) =>
  pick(world.topics, fault.target)?.faults.next('done', { drop: true }, countOf(fault, 3)),
)

/** A wall clock is set up to ten minutes forward or back. */
export const wallJump = kind('wall-jump', (world, fault) =>
  hostOf(world, fault)?.jumpWall((fault.size - 0.5) * 1_200_000),
)

/** Everything that can befall processes, actors, stores, topics, calls and clocks, and passes. */
export const standardFaults: readonly FaultKind[] = [
  processCrash,
  secondProcess,
  stalledLoop,
  actorCrash,
  actorKill,
  storeErrorBefore,
  storeErrorAfter,
  crashAtCommit,
  storeDown,
  storeSlow,
  commitTwice,
  callsLost,
  callTwice,
  callsLate,
  deliveryTwice,
  deliveryLate,
  acknowledgementLost,
  wallJump,
]

const nothing = (): void => undefined

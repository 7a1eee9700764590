import type { Cell } from '../../kernel/cell.ts'
import type { SimulatedHost } from './simulated-host.ts'
import type { SimulatedProcess } from './simulated-process.ts'
import type { SimulatedStore } from './simulated-store.ts'
import type { SimulatedTopic } from './simulated-topic.ts'
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
  /** Does it to the world. Answers false where there is nothing that it could befall: then it has not come to pass. */
  inject(world: SimulatedWorld, fault: PlannedFault): unknown
}

/** Which of `all` a fault is for. */
export const pick = <Item>(all: readonly Item[], target: number): Item | undefined =>
  all[Math.min(all.length - 1, Math.floor(target * all.length))]

const processOf = (world: SimulatedWorld, { target }: PlannedFault): SimulatedProcess<unknown> | undefined =>
  pick(world.processes, target)

/** One that is down already has nothing to lose. */
const liveProcessOf = (world: SimulatedWorld, fault: PlannedFault): SimulatedProcess<unknown> | undefined => {
  const process = processOf(world, fault)
  return process?.hosts.length === 0 ? undefined : process
}

const hostOf = (world: SimulatedWorld, { target }: PlannedFault): SimulatedHost | undefined =>
  pick(
    world.processes.flatMap(process => process.hosts),
    target,
  )

const storeOf = (world: SimulatedWorld, { target }: PlannedFault): SimulatedStore | undefined =>
  pick(world.stores, target)

const topicOf = (world: SimulatedWorld, { target }: PlannedFault): SimulatedTopic | undefined =>
  pick(world.topics, target)

const actorOf = (world: SimulatedWorld, fault: PlannedFault): Cell | undefined =>
  pick(hostOf(world, fault)?.actors() ?? [], fault.size)

/** One to `max`. */
const countOf = ({ size }: PlannedFault, max: number): number => 1 + Math.floor(size * (max - 0.001))

/** A kind of fault that befalls one of the world's parts. `weight`: as of FaultKind. */
const kind = <Part>(
  name: string,
  partOf: (world: SimulatedWorld, fault: PlannedFault) => Part | undefined,
  befall: (part: Part, fault: PlannedFault, world: SimulatedWorld) => void,
  weight = 1,
): FaultKind => ({
  name,
  inject: (world, fault) => {
    const part = partOf(world, fault)
    if (part === undefined) return false
    befall(part, fault, world)
    return true
  },
  weight,
})

/** A process ends without a word, and is started again some time later. */
export const processCrash = kind(
  'process-crash',
  liveProcessOf,
  (process, { size }) => process.crash(10 + size * 2_000),
  2,
)

/** A second process takes the store over while the first still runs. */
export const secondProcess = kind('second-process', processOf, process => process.startAnother())

/** An event loop stands still for up to three seconds. */
export const stalledLoop = kind('stalled-loop', hostOf, (host, { size }) => host.stall(5 + size * 3_000))

/** Any actor fails, as if its handler had thrown. */
export const actorCrash = kind(
  'actor-crash',
  actorOf,
  (actor, _fault, world) => {
    world.note(`${actor.path} fails`)
    actor.failFromOutside(new Error(`${actor.path}: an injected crash`))
  },
  3,
)

/** Any actor is killed. */
export const actorKill = kind('actor-kill', actorOf, (actor, _fault, world) => {
  world.note(`${actor.path} is killed`)
  actor.kill()
})

/** The next commits are not written, and fail. */
export const storeErrorBefore = kind('store-error-before', storeOf, ({ faults }, fault) =>
  faults.next('commit', { fail: 'before' }, countOf(fault, 3)),
)

/** The next commits are written, and their answers lost. */
export const storeErrorAfter = kind('store-error-after', storeOf, ({ faults }, fault) =>
  faults.next('commit', { fail: 'after' }, countOf(fault, 3)),
)

/** The process ends as its next commit reaches the store: before or after it is written. */
export const crashAtCommit = kind('crash-at-commit', storeOf, ({ faults }, { size }) =>
  faults.next('commit', { crash: { at: size < 0.5 ? 'before' : 'after', run: nothing } }),
)

/** The next operations of a store fail, whatever they are. */
export const storeDown = kind('store-down', storeOf, ({ faults }, fault) =>
  faults.next('*', { fail: 'before' }, countOf(fault, 12)),
)

/** The next operations of a store take up to half a second. */
export const storeSlow = kind('store-slow', storeOf, ({ faults }, fault) =>
  faults.next('*', { delayMs: fault.size * 500 }, countOf(fault, 20)),
)

/** A commit arrives twice. */
export const commitTwice = kind('commit-twice', storeOf, ({ faults }, fault) =>
  faults.next('commit', { duplicate: true }, countOf(fault, 3)),
)

/** Requests are lost, or what is answered to them is. */
export const callsLost = kind('calls-lost', processOf, ({ faults }, fault) =>
  faults.next('call', { fail: fault.size < 0.5 ? 'before' : 'after' }, countOf(fault, 6)),
)

/** A request arrives twice. */
export const callTwice = kind('call-twice', processOf, ({ faults }, fault) =>
  faults.next('call', { duplicate: true }, countOf(fault, 3)),
)

/** Requests arrive late. */
export const callsLate = kind('calls-late', processOf, ({ faults }, fault) =>
  faults.next('call', { delayMs: fault.size * 1_000 }, countOf(fault, 3)),
)

/** A topic delivers twice. */
export const deliveryTwice = kind('delivery-twice', topicOf, ({ faults }, fault) =>
  faults.next('deliver', { duplicate: true }, countOf(fault, 3)),
)

/** A topic delivers late. */
export const deliveryLate = kind('delivery-late', topicOf, ({ faults }, { size }) =>
  faults.next('deliver', { delayMs: size * 1_000 }),
)

/** Acknowledgements are lost. */
export const acknowledgementLost = kind('acknowledgement-lost', topicOf, ({ faults }, fault) =>
  faults.next('done', { drop: true }, countOf(fault, 3)),
)

/** A wall clock is set up to ten minutes forward or back. */
export const wallJump = kind('wall-jump', hostOf, (host, { size }) => host.jumpWall((size - 0.5) * 1_200_000))

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

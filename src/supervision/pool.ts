import { checkOneOf, checkOptions } from '../base/bounds.ts'
import { Behavior, behaviorInvalid } from '../kernel/behavior.ts'
import type { Cell } from '../kernel/cell.ts'
import type { CellSystem } from '../kernel/cell-state.ts'
import type { Context } from '../kernel/context.ts'
import type { Owner } from '../kernel/router.ts'
import { ActorSystem } from '../kernel/system.ts'
import type { ActorContext, ActorRef, ShutdownTime, SpawnOptions } from '../kernel/types.ts'
import { PoolFront } from './pool-front.ts'
import { PoolLane } from './pool-lane.ts'
import { supervisor } from './supervisor.ts'

/** What waits while no worker is free. Default: as much as comes. */
export interface PoolQueueOptions {
  /** How many messages may wait in the pool, keyed ones included. Those that workers have do not count. */
  readonly capacity: number
  /** What an `offer` does when the queue is full: fail with MAILBOX_FULL, or wait for room. Default: `'reject'`. */
  readonly overflow?: 'reject' | 'backpressure'
}

/** What a pool is made of. **Errors**: RangeError for bounds that are none and other options. */
export interface PoolOptions<Message> extends SpawnOptions {
  /** What each worker is. It gets one message at a time from the pool; a mailbox option of its own does not count. */
  readonly worker: Behavior<Message>
  /** How many workers. At most 10,000. */
  readonly size: number
  /** Messages of one key go to one worker, in order. Answer `undefined` for one that any worker may take. Default: that. */
  readonly keyOf?: (message: Message) => string | number | undefined
  /** Default: unbounded. */
  readonly queue?: PoolQueueOptions
  /** How long a message may wait for a worker. Units: ms. Default: as long as it takes. */
  readonly ttlMs?: number
  /** Restarts of workers within `periodMs` that are allowed. Default: one for each worker. */
  readonly intensity?: number
  /** Default: 5,000. */
  readonly periodMs?: number
  /** How long each worker has to stop. Default: 5,000. */
  readonly shutdownMs?: ShutdownTime
}

/** A ref in front of workers. Watched, stopped and drained as any other. */
export interface Pool<in out Message> extends ActorRef<Message> {
  /** Messages that wait for a worker. */
  readonly queued: number
}

const SIZE_MAX = 10_000
const OPTIONS = ['worker', 'size', 'queue', 'keyOf', 'ttlMs', 'intensity', 'periodMs', 'shutdownMs', 'name']

/**
 * Workers of one behavior under a supervisor of their own, `one-for-one`, which restarts those that end. What the pool is
 * told goes to a free worker in the same call, and waits in the pool's queue while there is none.
 *
 * **Order**: messages of one key are handled in the order they were told, one at a time, over restarts too; others are
 * handed to workers in that order, and finish as they will. **Delivery**: at most once. The message that a worker crashed
 * on is not tried again; its ask fails. **Bounds**: with the queue full a tell is a dead letter `overflow`, and offer and
 * ask fail with MAILBOX_FULL, or the offer waits. What has waited for `ttlMs` is a dead letter `expired`, an ask fails with
 * MESSAGE_EXPIRED. `context.ask` finds no cycle through a pool. **End**: `stop` makes dead letters of what waits, `drain`
 * has it handled first; if the supervisor gives up, what waits is dead letters too, and a pool of the system's top level
 * terminates it, as any top-level supervisor. A pool ends with its owner. A `keyOf` that throws: a dead letter `no-route`
 * and a line in the log, or a failed offer or ask. **Errors**: RangeError for options and bounds that are none;
 * BEHAVIOR_INVALID; ACTOR_NAME_TAKEN; SYSTEM_TERMINATED or ACTOR_STOPPED, if the owner has ended.
 */
export const pool = <Message>(owner: Owner, options: PoolOptions<Message>): Pool<Message> => {
  checkOptions('the options of a pool', options, OPTIONS)
  const { worker, size, queue, keyOf, ttlMs, name } = options
  if (!(worker instanceof Behavior)) throw behaviorInvalid("a pool's worker", worker)
  checkBound('size', size, SIZE_MAX)
  checkOptions("a pool's queue", queue, ['capacity', 'overflow'])
  if (queue !== undefined) checkBound('queue.capacity', queue.capacity, Number.MAX_SAFE_INTEGER)
  if (queue?.overflow !== undefined) checkOneOf("a pool's queue.overflow", queue.overflow, ['reject', 'backpressure'])
  if (ttlMs !== undefined && !(ttlMs > 0)) throw new RangeError(`a pool's ttlMs must be more than 0, not ${ttlMs}`)
  const lanes = Array.from({ length: size }, () => new PoolLane(lane => front.freed(lane)))
  const cell = owner.spawn(
    supervisorOf(lanes, options, systemOf(owner)),
    name === undefined ? {} : { name },
  ) as unknown as Cell
  const front: PoolFront = new PoolFront(cell, lanes, {
    keyOf: (keyOf ?? null) as ((message: never) => string | number | undefined) | null,
    capacity: queue?.capacity ?? Number.POSITIVE_INFINITY,
    backpressure: queue?.overflow === 'backpressure',
    ttlMs: ttlMs ?? Number.POSITIVE_INFINITY,
  })
  return front as unknown as Pool<Message>
}

const systemOf = (owner: Owner): CellSystem =>
  owner instanceof ActorSystem ? owner.cells : (owner as ActorContext<unknown> as Context).cell.system

const supervisorOf = <Message>(lanes: readonly PoolLane[], options: PoolOptions<Message>, system: CellSystem) => {
  const { worker, size, intensity = size, periodMs, shutdownMs } = options
  return supervisor({
    intensity,
    ...(periodMs !== undefined && { periodMs }),
    children: lanes.map((lane, index) => ({
      id: `worker-${index + 1}`,
      start: lane.behaviorFor(worker as Behavior<never>, system),
      ...(shutdownMs !== undefined && { shutdownMs }),
    })),
  })
}

const checkBound = (what: string, value: number, max: number): void => {
  if (!(Number.isSafeInteger(value) && value >= 1 && value <= max))
    throw new RangeError(`a pool's ${what} must be a whole number of at least 1 and at most ${max}, not ${value}`)
}

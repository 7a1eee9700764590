import { RuntimeError } from '../base/errors.ts'
import { behavior, NORMAL, SHUTDOWN } from './behavior.ts'
import { Cell } from './cell.ts'
import { deathWatchOf, type EndListener } from './death-watch.ts'
import { isNoTime, refuseTime } from './shutdown-time.ts'
import type { ExitReason, StopOptions } from './types.ts'

const handlesNothing = behavior<never, null>({ initial: () => null, receive: state => state })

/**
 * A ref in front of other actors: what it is told it hands on in the same call, so it costs no mailbox of its own. To
 * others it is an actor as any: with a path, to be watched and stopped.
 *
 * It lives with its keeper, an actor in the tree whose name and place it has: when the keeper ends, whoever ended it, the
 * front has ended a turn later. The cell that it is itself is never started: only its address, its watchers and its end
 * are used.
 */
export abstract class Front extends Cell implements EndListener {
  protected readonly keeper: Cell

  constructor(keeper: Cell) {
    super(keeper.system, keeper.parent, handlesNothing, keeper.name, true)
    this.keeper = keeper
    deathWatchOf(keeper.system).watch(keeper, this)
  }

  /** The keeper's: a name that the system gave it begins with `$`, and is not escaped. */
  override get segment(): string {
    return this.keeper.segment
  }

  /** Lets go of what it holds; called once, when it takes nothing any more. */
  protected abstract letGo(): void

  override stop(options?: StopOptions): Promise<void> {
    if (isNoTime(options)) return refuseTime(options)
    this.close(SHUTDOWN)
    return this.keeper.stop(options)
  }

  override drain(options?: StopOptions): Promise<void> {
    if (isNoTime(options)) return refuseTime(options)
    this.close(NORMAL)
    return this.keeper.stop(options)
  }

  override kill(): void {
    this.keeper.kill()
    this.close({ type: 'killed' })
  }

  ended(_keeper: Cell, reason: ExitReason): void {
    this.close(reason)
  }

  protected close(reason: ExitReason): void {
    if (this.isStopped) return
    // A cell that never ran has nothing else to leave.
    this.leaveKin(reason)
    this.abandon(reason)
    this.letGo()
  }

  /** Nobody is there who could take `message`. */
  protected refuseMessage(message: unknown): void {
    this.system.deadLetters.add(message, this.path, this.isStopped ? 'stopped' : 'no-route')
  }

  protected nobodyError(): RuntimeError {
    if (this.isStopped) return this.stoppedError()
    return new RuntimeError('NO_ROUTE', `${this.path}: nobody is there to take a message`, { retryable: true })
  }
}

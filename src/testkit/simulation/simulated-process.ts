import type { Random } from '../../base/ports.ts'
import type { Fault } from '../faults/fault.ts'
import { Faults } from '../faults/faults.ts'
import type { SimulatedHost } from './simulated-host.ts'
import type { SimulatedWorld } from './simulated-world.ts'
import { below, between, streamOf } from './streams.ts'

/** What a process runs: given its host, it resolves with what others may call once it is up. A rejection ends it. */
export type Boot<Instance> = (host: SimulatedHost) => Promise<Instance>

/** Nobody could be reached, or the connection was lost before the answer: what was asked may have been done or not. */
export class CallFailed extends Error {
  override readonly name = 'CallFailed'
}

export interface Answer<Result> {
  readonly value: Result
  /** Who gave it. */
  readonly host: SimulatedHost
  /** When it left there. Units: ms of the world. */
  readonly sentAtMs: number
}

interface Life<Instance> {
  readonly host: SimulatedHost
  /** Null until it is up. */
  instance: { readonly value: Instance } | null
}

const RESTART_MS_MIN = 20
const RESTART_MS_MAX = 400

/**
 * A process of a simulated world, whose newest life somebody starts again each time that it ends. It may live twice for a
 * while, as when an orchestrator starts another one before the first has noticed that it is given up.
 */
export class SimulatedProcess<Instance> {
  readonly name: string
  /** Of calls on their way here and back. */
  readonly faults: Faults<'call'>
  /** Ends that nobody asked for, and starts that failed. */
  ends = 0
  private readonly world: SimulatedWorld
  private readonly boot: Boot<Instance>
  private readonly chance: Random
  private readonly lives: Life<Instance>[] = []
  private restartMs: number | null = null
  private isStarting = false

  constructor(world: SimulatedWorld, name: string, boot: Boot<Instance>) {
    this.world = world
    this.name = name
    this.boot = boot
    this.chance = streamOf(world.seed, `process ${name}`)
    this.faults = new Faults({ random: streamOf(world.seed, `calls of ${name}`) })
    this.startSoon(0)
  }

  /** Hosts that live, oldest first. */
  get hosts(): readonly SimulatedHost[] {
    return this.lives.map(life => life.host)
  }

  /** The newest of its instances that are up; null: none is. */
  get instance(): Instance | null {
    return this.lives.findLast(life => life.instance !== null)?.instance?.value ?? null
  }

  /** Ends all its lives; it starts again after `restartMs`. **Units**: ms. Default: 20 to 400, by the seed. */
  crash(restartMs?: number): void {
    for (const host of this.hosts) {
      this.restartMs = restartMs ?? null
      host.crash()
    }
  }

  /** Starts another one beside the one that lives. */
  startAnother(): void {
    const host = this.world.host(this.name)
    const life: Life<Instance> = { host, instance: null }
    this.lives.push(life)
    host.onEnd(() => this.ended(life))
    host.arrive(`${host.id} starts`, () => {
      this.boot(host).then(
        value => {
          life.instance = { value }
        },
        error => {
          this.world.note(`${host.id} did not start: ${error}`)
          host.crash()
        },
      )
    })
  }

  /**
   * Sends it a request from outside, and resolves with the answer and whose it is. **Errors**: CallFailed where nobody is
   * up or the connection is lost; what the request rejects with otherwise. Where two of its lives are up, either may get it.
   */
  call<Result>(what: string, request: (instance: Instance) => Promise<Result>): Promise<Answer<Result>> {
    const { world } = this
    const fault: Fault = this.faults.plan('call') ?? {}
    const up = this.lives.filter(life => life.instance !== null)
    const life = up[below(this.chance, up.length)]
    return new Promise((resolve, reject) => {
      const lost = (why: string): void => {
        world.at(world.nowMs + world.patienceMs(), null, `${what}: ${why}`, () =>
          reject(new CallFailed(`${what}: ${why}`)),
        )
      }
      if (life === undefined) {
        lost(`${this.name} is not up`)
        return
      }
      if (fault.drop === true || fault.fail === 'before' || fault.hang === 'before') {
        lost('the request was lost')
        return
      }
      const { host } = life
      const forget = host.onEnd(() => lost(`${host.id} ended`))
      const arrived = (): void => {
        requested(life, request).then(
          value => {
            const sentAtMs = world.nowMs
            answer(() => resolve({ value, host, sentAtMs }))
          },
          error => answer(() => reject(error)),
        )
      }
      const answer = (settle: () => void): void => {
        forget()
        if (fault.fail === 'after' || fault.hang === 'after') lost('the answer was lost')
        else
          world.at(
            world.nowMs + world.travelMs() + (fault.answerDelayMs ?? 0),
            null,
            `${what}: answered by ${host.id}`,
            settle,
          )
      }
      const travelMs = world.travelMs() + (fault.delayMs ?? 0)
      world.at(world.nowMs + travelMs, host, `${host.id} is asked: ${what}`, arrived)
      if (fault.duplicate === true)
        world.at(world.nowMs + travelMs + world.patienceMs(), host, `${host.id} is asked again: ${what}`, () => {
          // Nobody waits for the answer to the second of two that are the same.
          requested(life, request).catch(() => undefined)
        })
    })
  }

  private ended(life: Life<Instance>): void {
    this.ends++
    const wasNewest = this.lives.at(-1) === life
    this.lives.splice(this.lives.indexOf(life), 1)
    // Whoever starts processes has given the older ones up: they may live on, and are not counted on.
    if (wasNewest) this.startSoon(this.restartMs ?? between(this.chance, RESTART_MS_MIN, RESTART_MS_MAX))
    this.restartMs = null
  }

  private startSoon(afterMs: number): void {
    if (this.isStarting) return
    this.isStarting = true
    this.world.at(this.world.nowMs + afterMs, null, `${this.name} is started`, () => {
      this.isStarting = false
      this.startAnother()
    })
  }
}

/** In a promise, also where the request throws at once. */
const requested = async <Instance, Result>(
  life: Life<Instance>,
  request: (instance: Instance) => Promise<Result>,
): Promise<Result> => request((life.instance as { readonly value: Instance }).value)

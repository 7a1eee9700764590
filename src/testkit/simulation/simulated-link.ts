import type { SimulatedHost } from './simulated-host.ts'
import type { SimulatedWorld } from './simulated-world.ts'

/**
 * A connection of a host with a store or a topic. What is sent one way arrives in its order, as over TCP; how long it
 * travels is the seed's affair. What a host sent before it crashed arrives all the same, and answers to it go nowhere.
 */
export class SimulatedLink {
  readonly host: SimulatedHost
  private readonly world: SimulatedWorld
  private lastSentMs = 0
  private lastAnsweredMs = 0

  constructor(world: SimulatedWorld, host: SimulatedHost) {
    this.world = world
    this.host = host
  }

  /** From the host to the other end. */
  send(what: string, run: () => void, delayMs = 0): void {
    if (!this.host.isAlive) return
    this.lastSentMs = Math.max(this.lastSentMs, this.world.nowMs + this.world.travelMs() + delayMs)
    this.world.at(this.lastSentMs, null, what, run)
  }

  /** From the other end to the host. */
  answer(what: string, run: () => void, delayMs = 0): void {
    this.lastAnsweredMs = Math.max(this.lastAnsweredMs, this.world.nowMs + this.world.travelMs() + delayMs)
    this.world.at(this.lastAnsweredMs, this.host, what, run)
  }

  /** The host learns by itself, in a while, that no answer comes. */
  giveUp(what: string, run: () => void): void {
    this.world.at(this.world.nowMs + this.world.patienceMs(), this.host, what, run)
  }
}

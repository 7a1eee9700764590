import { expect, test } from 'vitest'
import { type Random, seededRandom } from '../../src/base/ports.ts'
import { memoryStore } from '../../src/persistence/memory-journal.ts'
import type { Command } from '../persistence/support.ts'
import { Office } from './office.ts'

/**
 * A bridge from a seed: keys whose messages share receivers, preparations that take long or fail for a while, receivers
 * that refuse for a while, a store that fails and loses answers, bridges and kinds that are killed, processes that end
 * without a word, replays in between. With few messages at hand, so that most of what waits is read again. Whatever
 * happens, each message has its effect once, and those of a key in their order.
 *
 * More seeds: BRIDGE_SEEDS=500 BRIDGE_SEED_FIRST=1000 npx vitest run test/messaging/bridge-simulation.test.ts
 */
const seeds = Number(process.env.BRIDGE_SEEDS ?? 25)
const firstSeed = Number(process.env.BRIDGE_SEED_FIRST ?? 1)

test(`each message has its effect once, those of a key in order, whatever fails (seeds ${firstSeed} to ${firstSeed + seeds - 1})`, async () => {
  for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
    const run = new Run(seed)
    await run.throughFaults()
    expect(await run.problems(), `seed ${seed}`).toEqual([])
  }
}, 600_000)

const STEPS = 60
const KEYS = ['A', 'B', 'C', 'D']
const RECEIVERS = ['x', 'y']

class Run {
  private readonly random: Random
  private readonly memory = memoryStore()
  private office!: Office
  private submitted = 0
  /** Ends a preparation that takes long. */
  private readonly preparing: (() => void)[] = []
  /** How often a message is still to fail, by label. */
  private readonly failures = new Map<string, number>()
  private faultRate = 0

  constructor(seed: number) {
    this.random = seededRandom(seed)
  }

  async throughFaults(): Promise<void> {
    this.faultRate = [0, 0.02, 0.1][this.below(3)]!
    const maxInFlight = 1 + this.below(5)
    const maxWaiting = 5 + this.below(100)
    await this.start(maxInFlight, maxWaiting)
    for (let step = 0; step < STEPS; step++) {
      this.submit()
      await this.office.pass(this.below(40))
      if (this.below(2) === 0) this.preparing.shift()?.()
      await this.disaster(maxInFlight, maxWaiting)
    }
    this.faultRate = 0
    this.failures.clear()
    for (let round = 0; round < 40; round++) {
      for (const end of this.preparing.splice(0)) end()
      await this.office.pass(1_000)
      const parked = await this.office.bridge.parked()
      for (const key of new Set(parked.map(message => message.key))) void this.office.bridge.replay(key)
      if (parked.length === 0 && this.stored().length >= this.expected().length) break
    }
    await this.office.pass(2_000)
  }

  async problems(): Promise<readonly string[]> {
    const problems: string[] = []
    const stored = this.stored()
    for (const key of KEYS) {
      const wanted = this.expected()
        .filter(label => label.startsWith(key))
        .join('; ')
      const got = stored.filter(label => label.startsWith(key)).join('; ')
      if (got !== wanted) problems.push(`key ${key}: ${got} instead of ${wanted}`)
    }
    const parked = await this.office.bridge.parked()
    if (parked.length > 0) problems.push(`${parked.length} still parked`)
    const { store } = this.office.scene
    const last = this.office.scene.log.findLast(({ persistenceId }) => persistenceId.startsWith('source'))
    if (store.cursor(0, 'office') < (last?.position ?? 0)) problems.push('the cursor is behind')
    await this.office[Symbol.asyncDispose]()
    return problems
  }

  /** What was written in the end: a write may fail, or its answer be lost. */
  private expected(): string[] {
    return this.labels('source|').map(label => label.slice(2))
  }

  private stored(): string[] {
    return this.labels('ledger|')
  }

  /** In the order of the log. */
  private labels(prefix: string): string[] {
    return this.office.scene.log
      .filter(({ persistenceId }) => persistenceId.startsWith(prefix))
      .flatMap(({ records }) => records.map(record => (record.payload as { label: string }).label))
  }

  private submit(): void {
    for (let i = this.below(12); i > 0; i--) {
      const label = `${this.oneOf(KEYS)} ${this.oneOf(RECEIVERS)} ${this.submitted++}`
      if (this.below(6) === 0) this.failures.set(label, 1 + this.below(5))
      this.office.writer.events(`source|${label}`, `M:${label}`)
    }
  }

  private commandFor(label: string): unknown {
    const left = this.failures.get(label) ?? 0
    const nr = Number(label.split(' ')[2])
    const command: Command = { type: 'add', label }
    if (left > 0) {
      this.failures.set(label, left - 1)
      if (nr % 3 === 0) return Promise.reject(new Error('not prepared'))
      return nr % 3 === 1 ? { type: 'throw' } : { type: 'unstorable' }
    }
    if (nr % 9 !== 0) return command
    return new Promise(resolve => this.preparing.push(() => resolve(command)))
  }

  private async disaster(maxInFlight: number, maxWaiting: number): Promise<void> {
    switch (this.below(20)) {
      case 0:
        this.office.ref.kill()
        this.office.restart()
        return
      case 1:
        await this.office.ref.stop()
        this.office.restart()
        return
      case 2:
        this.office.hosted.ref.kill()
        await this.office.pass(this.below(50))
        this.office.scene.spawn(this.office.hosted.kind.behavior)
        return
      case 3:
        // As after `kill -9`: nothing of the old one is stopped, and its clock stands still for ever.
        await this.start(maxInFlight, maxWaiting)
        return
      case 4:
        this.office.bridge.replay(this.oneOf(KEYS)).catch(ignoreStopped)
        return
    }
  }

  private async start(maxInFlight: number, maxWaiting: number): Promise<void> {
    const wishes = { maxInFlight, maxWaiting, commandFor: (label: string) => this.commandFor(label) }
    const office = await Office.open(wishes, this.memory)
    this.office = office
    office.scene.journal.plan = operation => {
      if (this.office !== office || this.random.next() >= this.faultRate) return null
      return operation === 'commit' || operation === 'readLog'
        ? { fail: this.below(2) === 0 ? 'before' : 'after' }
        : null
    }
    await office.pass(0)
  }

  private below(limit: number): number {
    return Math.floor(this.random.next() * limit)
  }

  private oneOf(items: readonly string[]): string {
    return items[this.below(items.length)]!
  }
}

const ignoreStopped = (error: { code?: string }): void => {
  if (error.code !== 'BRIDGE_STOPPED') throw error
}

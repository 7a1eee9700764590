/**
 * Random trees of supervisors, three levels deep, of all strategies and restart types, whose workers fail in every hook, at
 * once and later, while any actor is made to fail or is killed and the event loop stalls. Each is terminated in the end.
 */

import { ok, strictEqual } from 'node:assert/strict'
import {
  type ActorRef,
  ActorSystem,
  type Behavior,
  behavior,
  type ChildSpec,
  type Clock,
  type Random,
  supervisor,
} from 'troupe'
import { type FaultKind, pick, type Simulated, type SimulatedProcess, stalledLoop } from 'troupe/testkit'
import { type Doing, type Incarnation, TreeLedger, type Work } from './tree-ledger.ts'

const SENDERS = 4
/** Of a sender; each is one to eight messages to one worker. */
const BURSTS = 14
const LEVELS = 3

export interface Tree {
  readonly process: SimulatedProcess<ActorSystem>
  readonly ledger: TreeLedger
}

const one = <Item>(random: Random, items: readonly Item[]): Item =>
  items[Math.floor(random.next() * items.length)] as Item

const pause = (clock: Clock, ms: number): Promise<void> =>
  new Promise(resolve => {
    clock.after(ms, resolve)
  })

/** Fails now and then, at once or after a while; `share` of the times. */
const mayFail = (random: Random, clock: Clock, share: number, what: string): Promise<void> | undefined => {
  const dice = random.next()
  if (dice >= share * 2) return undefined
  if (dice < share / 2) throw new Error(`${what} fails`)
  return pause(clock, random.next() * 20).then(() => {
    if (dice < share) throw new Error(`${what} fails later`)
  })
}

const worker = (ledger: TreeLedger): Behavior<Work> =>
  behavior<Work, Incarnation>({
    startTimeoutMs: 1_000,
    handlerTimeoutMs: 300,
    initial: context => {
      ledger.started(context.self)
      const fails = mayFail(context.random, context.clock, 0.05, 'initial')
      const incarnation = { handling: false }
      return fails === undefined ? incarnation : fails.then(() => incarnation)
    },
    receive: (incarnation, work, { path, clock }) => {
      ledger.begins(path, incarnation, work)
      const answer = (): Incarnation => {
        work.replyTo?.tell(work.nr)
        incarnation.handling = false
        return incarnation
      }
      switch (work.does) {
        case 'answers':
          return answer()
        case 'throws':
          throw new Error('receive fails')
        case 'waits':
          return pause(clock, 15).then(answer)
        case 'waits and throws':
          return pause(clock, 15).then(() => {
            throw new Error('receive fails later')
          })
        case 'hangs':
          return new Promise<Incarnation>(() => undefined)
        case 'says nothing':
          incarnation.handling = false
          return incarnation
      }
    },
    onStop: (_incarnation, _reason, { random, clock }) => mayFail(random, clock, 0.1, 'stop'),
  })

const randomTree = (random: Random, ledger: TreeLedger, level: number): Behavior<never> =>
  supervisor({
    strategy: one(random, ['one-for-one', 'one-for-all', 'rest-for-one']),
    intensity: 1 + Math.floor(random.next() * 12),
    periodMs: one(random, [100, 1_000, 5_000]),
    children: Array.from({ length: 1 + Math.floor(random.next() * 3) }, (_, i): ChildSpec => {
      const start = level < LEVELS ? randomTree(random, ledger, level + 1) : (worker(ledger) as Behavior<never>)
      const restart = one(random, ['permanent', 'permanent', 'transient', 'temporary'])
      return { id: `${level}-${i}`, start, restart, shutdownMs: one(random, [0, 50, 1_000, 'infinity']) } as ChildSpec
    }),
  })

const watcher = (ledger: TreeLedger): Behavior<ActorRef<never>> =>
  behavior<ActorRef<never>, null>({
    initial: () => null,
    receive: (state, ref, context) => {
      ledger.watched++
      context.watch(ref)
      return state
    },
    onSignal: (state, signal) => {
      if (signal.type === 'terminated') ledger.ended(signal.ref.path)
      return state
    },
  })

/** The watcher is left alone: it is the one who counts. */
const inTree = (
  name: string,
  act: (actor: ReturnType<SimulatedProcess<unknown>['hosts'][number]['actors']>[number]) => void,
): FaultKind => ({
  name,
  inject: (world, { target }) => {
    const actors = world.processes[0]?.hosts[0]?.actors() ?? []
    const actor = pick(
      actors.filter(({ path }) => path.startsWith('/tree/root')),
      target,
    )
    if (actor !== undefined) act(actor)
  },
})

const anyFails = inTree('any-fails', actor => actor.failFromOutside(new Error('an injected crash')))
const anyIsKilled = inTree('any-is-killed', actor => actor.kill())

const DOINGS: readonly Doing[] = [
  'answers',
  'answers',
  'answers',
  'waits',
  'throws',
  'waits and throws',
  'hangs',
  'says nothing',
]

export const treeSimulation: Simulated<Tree> = {
  system: world => {
    const ledger = new TreeLedger()
    const process = world.process('tree', async host => {
      const system = ActorSystem.start({ name: 'tree', ports: host.ports, logger: host.logger })
      host.adopt(system)
      return system
    })
    return { process, ledger }
  },

  load: async ({ process, ledger }, world, calm) => {
    const { random } = world
    while (process.instance === null) await world.sleep(1)
    const system = process.instance
    const watching = system.spawn(watcher(ledger))
    system.spawn(randomTree(random, ledger, 1), { name: 'root' })
    const tell = (ref: ActorRef<Work>, sender: number, nr: number): void => {
      const does = one(random, DOINGS)
      if (does === 'says nothing' || random.next() < 0.5) ref.tell({ sender, nr, does, replyTo: null })
      else {
        ledger.asked++
        const settled = (): number => ledger.settled++
        ref.ask<number>(replyTo => ({ sender, nr, does, replyTo })).then(settled, settled)
      }
    }
    const send = async (sender: number): Promise<void> => {
      let nr = 0
      for (let bursts = BURSTS; bursts > 0; bursts--) {
        await world.sleep(random.next() * 150)
        const ref = ledger.workers[Math.floor(random.next() * ledger.workers.length)]
        // Several at once, so that mailboxes fill.
        for (let left = 1 + Math.floor(random.next() * 8); left > 0; left--)
          if (ref !== undefined) tell(ref, sender, ++nr)
      }
    }
    const told = new Set<ActorRef<Work>>()
    const watchAll = async (): Promise<void> => {
      for (let left = 100; left > 0; left--) {
        for (const ref of ledger.workers)
          if (!told.has(ref)) {
            told.add(ref)
            watching.tell(ref as ActorRef<never>)
          }
        await world.sleep(20)
      }
    }
    await Promise.all([watchAll(), ...Array.from({ length: SENDERS }, (_, sender) => send(sender))])
    await calm
    await system.terminate()
    // What the last ends set off.
    await world.sleep(1_000)
  },

  faults: { kinds: [anyFails, anyIsKilled, stalledLoop], perRun: { min: 0, max: 10 }, withinMs: 2_000 },

  invariants: {
    always: {
      'one handler at a time, the order of each pair, one end each': ({ ledger }) =>
        ok(ledger.broken.length === 0, ledger.broken.join('; ')),
    },
    atEnd: {
      'every ask is settled': ({ ledger }) =>
        strictEqual(ledger.settled, ledger.asked, `${ledger.settled} of ${ledger.asked} asks are settled`),
      'nothing lives on': ({ process }) =>
        strictEqual(process.instance?.inspect().length, 0, 'the system has ended, and actors live on'),
      'every end is told': ({ ledger }) =>
        strictEqual(ledger.ends.size, ledger.watched, `${ledger.ends.size} of ${ledger.watched} ends are told`),
    },
  },
}

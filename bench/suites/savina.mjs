// How fast are the classic actor programs? Ten of Savina's, beside nact and, where `erl` is on the PATH, Erlang with one
// scheduler. One operation is what the unit says; a sample is one whole run, spawning included, and verifies its result.
//
// Source: S. Imam and V. Sarkar, "Savina - An Actor Benchmark Suite", AGERE! 2014; parameters as published in the
// suite's `…Config.java` files (github.com/shamsimam/savina):
//
//     PingPong             40,000 pings
//     Counting             1,000,000 messages
//     ForkJoinThroughput   10,000 messages to each of 60 actors
//     ForkJoinCreate       40,000 actors
//     ThreadRing           100 actors, 100,000 hops
//     Chameneos            100 chameneos, 200,000 meetings
//     Big                  120 actors, 20,000 pings each
//     ProducerConsumer     buffer 50, 40 producers, 40 consumers, 1,000 items each, cost 25; once more at cost 0
//     BankTransaction      1,000 accounts, 50,000 transactions
//     SleepingBarber       5,000 haircuts, 1,000 seats, production and haircut rate 1,000
//
// Ours runs those. A peer that would take many seconds for it runs fewer of the same operations (`fewer` in each file).
// Beyond Savina every send makes a fresh message, where it often sends one constant object.

import { join } from 'node:path'
import { perSecond } from '../frame.mjs'
import { openErlang } from '../kernel/erlang.mjs'
import { erlangSide } from '../kernel/sides.mjs'
import { withNact, withTroupe } from '../kernel/systems.mjs'
import { bankTransaction } from '../savina/bank-transaction.mjs'
import { big } from '../savina/big.mjs'
import { chameneos } from '../savina/chameneos.mjs'
import { counting } from '../savina/counting.mjs'
import { forkJoinCreate } from '../savina/fork-join-create.mjs'
import { forkJoinThroughput } from '../savina/fork-join-throughput.mjs'
import { pingPong } from '../savina/ping-pong.mjs'
import { producerConsumer, producerConsumerAtNoCost } from '../savina/producer-consumer.mjs'
import { sleepingBarber } from '../savina/sleeping-barber.mjs'
import { threadRing } from '../savina/thread-ring.mjs'

/**
 * @typedef {object} Workload
 * @property {string} name
 * @property {string} unit
 * @property {object} published   Savina's parameters
 * @property {{ nact?: object, erlang?: object }} fewer   what is different for a peer
 * @property {object} quick   what is different for all when only to see that it runs
 * @property {(parameters: object) => number} operations   what a run must come to
 * @property {(parameters: object) => [module: string, ...args: number[]]} erlang
 * @property {(system: object, parameters: object) => Promise<number>} ours
 * @property {(system: object, parameters: object) => Promise<number>} nact
 */

/** @type {Workload[]} */
const workloads = [
  pingPong,
  counting,
  forkJoinThroughput,
  forkJoinCreate,
  threadRing,
  chameneos,
  big,
  producerConsumer,
  producerConsumerAtNoCost,
  bankTransaction,
  sleepingBarber,
]

export async function open({ quick }) {
  const erlang = openErlang(join(import.meta.dirname, '../savina/erlang'))
  return { questions: workloads.map(workload => question(workload, quick, erlang)), close: async () => erlang?.close() }
}

function question(workload, quick, erlang) {
  const { name, unit, published, fewer, operations } = workload
  const parametersOf = peer => ({ ...published, ...fewer[peer], ...(quick ? workload.quick : {}) })
  const sideOf = (withSystem, run, parameters) => ({
    run: () => withSystem(system => perSecond(operations(parameters), () => run(system, parameters))),
    checksum: operations(parameters),
  })
  const ofErlang = parametersOf('erlang')
  const [module, ...args] = workload.erlang(ofErlang)
  return {
    name,
    unit,
    better: 'more',
    measures: text(parametersOf('ours')),
    sides: {
      ours: sideOf(withTroupe, workload.ours, parametersOf('ours')),
      nact: sideOf(withNact, workload.nact, parametersOf('nact')),
      ...erlangSide(erlang, module, args, operations(ofErlang)),
    },
  }
}

/** `actors 100, hops 100000` */
const text = parameters =>
  Object.entries(parameters)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ')

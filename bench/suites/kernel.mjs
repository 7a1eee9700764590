// What does passing a message, asking, starting an actor and keeping it cost, and what does a program take on that
// embeds it? Floor: a bare ring buffer and run queue (floor.mjs); for the timers a process with nothing to do. Peers:
// nact, XState's actors, and Erlang where `erl` is on the PATH, in an emulator of its own with one scheduler.
//
// Every send makes a fresh message, and every sample verifies how many were handled. `limit` stands among the sides
// where a bound is promised and not a ratio.

import { join } from 'node:path'
import { openErlang } from '../kernel/erlang.mjs'
import { depth } from '../kernel/questions/depth.mjs'
import { embedding } from '../kernel/questions/embedding.mjs'
import { inspecting } from '../kernel/questions/inspecting.mjs'
import { keeping } from '../kernel/questions/keeping.mjs'
import { passing } from '../kernel/questions/passing.mjs'
import { withPresentGoals } from '../kernel/sides.mjs'

/**
 * Operations of one sample. The peers' are fewer where they are slower: rates do not depend on it, and samples of all
 * take parts of a second. `resident: null` leaves that question out: a million actors are no quick look.
 */
const FULL = {
  tell: { ours: 2_000_000, peers: 200_000 },
  pingPong: { ours: 1_000_000, peers: 50_000 },
  manyActors: { actors: 1_000, each: { ours: 300, peers: 100 } },
  ask: { ours: 100_000, peers: 20_000 },
  spawn: { ours: 100_000, peers: 20_000 },
  waiting: [100, 1_000, 40_000, 1_000_000],
  messages: 1_000_000,
  inspect: { actors: 1_000, messages: 4_000_000 },
  nactMessages: 20_000,
  bytes: { ours: 200_000, peers: 50_000 },
  left: 1_000_000,
  resident: 1_000_000,
  lagMs: 2_000,
}
const QUICK = {
  tell: { ours: 20_000, peers: 10_000 },
  pingPong: { ours: 5_000, peers: 1_000 },
  manyActors: { actors: 100, each: { ours: 30, peers: 10 } },
  ask: { ours: 1_000, peers: 500 },
  spawn: { ours: 2_000, peers: 1_000 },
  waiting: [1_000],
  messages: 20_000,
  inspect: { actors: 100, messages: 20_000 },
  nactMessages: 1_000,
  bytes: { ours: 2_000, peers: 500 },
  left: 1_000,
  resident: null,
  lagMs: 50,
}

export async function open({ quick, collect }) {
  const sizes = quick ? QUICK : FULL
  const erlang = openErlang(join(import.meta.dirname, '../kernel/erlang'))
  const questions = [
    ...passing(sizes, erlang),
    ...depth(sizes),
    ...inspecting(sizes.inspect),
    ...keeping(sizes, collect),
    ...embedding(sizes),
  ]
  return { questions: questions.map(withPresentGoals), close: async () => erlang?.close() }
}

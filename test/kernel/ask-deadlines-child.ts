/** A process with one ask that might wait for a minute, and is answered: `node --import tsx -C troupe-source …`. */

import { ActorSystem, behavior, type ReplyTo } from 'troupe'

const system = ActorSystem.start()
const actor = system.spawn(
  behavior<{ readonly replyTo: ReplyTo<string> }, null>({
    initial: () => null,
    receive: (state, { replyTo }) => {
      replyTo.tell('answer')
      return state
    },
  }),
)
process.stdout.write(`${await actor.ask(replyTo => ({ replyTo }), { timeoutMs: 60_000 })}\n`)

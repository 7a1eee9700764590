/**
 * A program with a main system: `node --import tsx -C troupe-source main-child.ts MODE`. Writes what happens to its actors.
 *
 * - `gives-up`: an inner supervisor gives up, then the outer one. `start-fails`: the top-level supervisor cannot start.
 * - `has-code`: as `gives-up`, with an exit code of the program's own. `host`: as `gives-up`, but the system is not the main one.
 * - `orderly`: the system is terminated. `signal`: it waits for a signal.
 */

import { ActorSystem, type ActorSystemOptions, behavior, supervisor } from 'troupe'

const mode = process.argv[2] ?? ''
const say = (text: string): void => {
  process.stdout.write(`${text}\n`)
}

const worker = (name: string, crashes: boolean) =>
  behavior<'go', null>({
    initial: context => {
      if (mode === 'start-fails' && name === 'b') throw new Error('no tariff')
      if (crashes) context.self.tell('go')
      return null
    },
    receive: () => {
      throw new Error(`no tariff for ${name}`)
    },
    onStop: (_state, reason) => say(`stop ${name} ${reason.type}`),
  })

const crashes = ['gives-up', 'has-code', 'host'].includes(mode)
const options: ActorSystemOptions = { name: 'shop', main: mode !== 'host' }
const system = ActorSystem.start(options)
if (mode === 'has-code') process.exitCode = 7
system.onShutdown('flush', reason => say(`flushed ${reason.type}`))
system.spawn(worker('other', false), { name: 'other' })
const contexts = supervisor({
  intensity: 0,
  children: [
    { id: 'a', start: worker('a', false) },
    {
      id: 'risk',
      start: supervisor({ intensity: 0, children: [{ id: 'b', start: worker('b', crashes) }] }),
    },
  ],
})
system.spawn(contexts, { name: 'contexts' })
const open = mode === 'signal' ? setInterval(() => undefined, 1_000) : null
say('up')
void system.whenTerminated.then(reason => {
  say(`ended ${reason.type}`)
  if (open !== null) clearInterval(open)
})
if (mode === 'orderly') setImmediate(() => void system.terminate())

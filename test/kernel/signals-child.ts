/**
 * A process with a system that hears signals: `node --import tsx -C troupe-source signals-child.ts MODE`. Says `up`, then
 * `drained` from its shutdown task; with MODE `hang` that task never ends.
 */

import { ActorSystem, silentLogger } from 'troupe'

const hangs = process.argv[2] === 'hang'
const system = ActorSystem.start({ signals: true, logger: silentLogger })
// As an open server would, it keeps the process alive.
const open = setInterval(() => undefined, 1_000)
system.onShutdown('drain', () => {
  process.stdout.write('drained\n')
  if (hangs) return new Promise(() => undefined)
  clearInterval(open)
  return undefined
})
process.stdout.write('up\n')

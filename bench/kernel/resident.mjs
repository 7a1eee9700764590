// What a process weighs that keeps many idle actors: each has handled one message. Run as a program, it is that process.
//
//     node --expose-gc bench/kernel/resident.mjs ACTORS

import { execFile } from 'node:child_process'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { promisify } from 'node:util'
import { ActorSystem, behavior } from 'troupe'

/**
 * In a process of its own, since the pages that others' garbage once took would count too.
 * @returns {Promise<{ value: number, checksum: number }>}   resident set with Node itself; units: MB (1,000,000 bytes)
 */
export async function residentMegabytes(actors) {
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', import.meta.filename, `${actors}`])
  return JSON.parse(stdout)
}

async function keep(actors) {
  const system = ActorSystem.start()
  let handled = 0
  await new Promise(done => {
    const counter = behavior({
      initial: () => 0,
      receive: (count, _message) => {
        if (++handled === actors) done()
        return count + 1
      },
    })
    for (let i = 0; i < actors; i++) system.spawn(counter).tell({ first: true })
  })
  await nextTurn()
  globalThis.gc()
  const value = process.memoryUsage.rss() / 1e6
  console.log(JSON.stringify({ value, checksum: handled }))
  // Without ending a million actors one by one.
  process.exit()
}

if (process.argv[1] === import.meta.filename) await keep(Number(process.argv[2]))

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { behavior } from '../../src/kernel/behavior.ts'
import { childRef } from '../../src/supervision/control.ts'
import { supervisor } from '../../src/supervision/supervisor.ts'
import { Stage, settle } from './support.ts'

test.each(['a stop', 'a restart', 'a kill'])('what `fetch` began with `context.signal` ends with %s', async how => {
  const server = createServer(() => undefined)
  const closed = new Promise(resolve => server.on('connection', socket => socket.on('close', resolve)))
  const requested = new Promise(resolve => server.on('request', resolve))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  await using stage = new Stage()
  const failures: string[] = []
  let incarnations = 0
  const start = behavior<'fetch' | 'crash', null>({
    initial: context => {
      incarnations++
      // Read before anything runs with it, and again by the next incarnation: that one's own is not aborted.
      expect(context.signal.aborted).toBe(false)
      return null
    },
    receive: (state, message, context) => {
      if (message === 'crash') throw new Error('as told')
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      fetch(url, { signal: context.signal }).catch(error => failures.push(error.name))
      return state
    },
  })
  const top = stage.spawn(supervisor({ children: [{ id: 'fetching', start }] }))
  const actor = await childRef<'fetch' | 'crash'>(top, 'fetching')
  actor.tell('fetch')
  await requested
  expect(failures).toEqual([])
  if (how === 'a stop') await actor.stop()
  else if (how === 'a kill') actor.kill()
  else actor.tell('crash')
  await closed
  await settle()
  expect(failures).toEqual(['AbortError'])
  // A stop that was asked of the ref, too, is an end that a permanent child's supervisor answers with a start.
  expect(incarnations).toBe(2)
  await new Promise(resolve => server.close(resolve))
})

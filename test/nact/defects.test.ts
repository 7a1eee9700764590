import { spawn as spawnProcess } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { ActorSystem } from '../../src/kernel/system.ts'
import { onTroupe } from '../../src/nact/index.ts'
import { RecordingLogger } from '../../src/testkit/recording-logger.ts'
import { gate } from '../kernel/support.ts'
import { type Any, type Api, failureOf, here, MemoryEngine, nact, quietly, sleep, turns } from './support.ts'

/** Runs a program on nact and here, quietly. */
const onBoth = <Result>(program: (api: Api) => Promise<Result>): Promise<{ nact: Result; here: Result }> =>
  quietly(async () => ({ nact: await program(nact), here: await program(here) }))

const answering = (action: string) => ({ onCrash: (_message: Any, _error: Any, context: Any) => context[action] })

/** A handler that ends when it is let, and notes how many of its kind run at once. */
const counted = () => {
  const seen = { now: 0, most: 0 }
  const { opened, open } = gate()
  const handler = async (state: Any) => {
    seen.most = Math.max(seen.most, ++seen.now)
    await opened
    seen.now--
    return state
  }
  return { seen, handler, open }
}

const failing = () => {
  throw new Error('bad')
}

describe('one message at a time', () => {
  for (const answer of ['resume', 'reset', 'resetAllChildren'])
    it(`after escalate, where the parent answers ${answer}`, async () => {
      const most = await onBoth(async ({ start, spawn, dispatch, stop }) => {
        const system = start()
        const { seen, handler, open } = counted()
        const isAsked = answer === 'resetAllChildren'
        const parent = spawn(system, isAsked ? (state: Any) => state : handler, 'parent', answering(answer))
        const child = spawn(parent, failing, 'child', answering('escalate'))
        const watched = isAsked ? spawn(parent, handler, 'watched') : parent
        for (let i = 0; i < 3; i++) dispatch(watched, i)
        await turns()
        dispatch(child, 'fails')
        await turns()
        open()
        await turns()
        stop(system)
        return seen.most
      })
      expect(most).toEqual({ nact: 2, here: 1 })
    })

  it('after resetAll', async () => {
    const most = await onBoth(async ({ start, spawn, dispatch, stop }) => {
      const system = start()
      const { seen, handler, open } = counted()
      const peer = spawn(system, handler, 'peer')
      const actor = spawn(system, failing, 'actor', answering('resetAll'))
      for (let i = 0; i < 3; i++) dispatch(peer, i)
      await turns()
      dispatch(actor, 'fails')
      await turns()
      open()
      await turns()
      stop(system)
      return seen.most
    })
    expect(most).toEqual({ nact: 2, here: 1 })
  })
})

describe('an actor that was not stopped works on', () => {
  const answersAfter = async (api: Api, make: (system: Any, handler: Any) => Any): Promise<string> => {
    const { start, dispatch, query, stop } = api
    const system = start()
    const actor = make(system, (state: Any, message: Any, { sender }: Any) => {
      if (message === 'bad') throw new Error('bad')
      dispatch(sender, message)
      return state
    })
    dispatch(actor, 'bad')
    await turns()
    const outcome = await query(actor, 'works', 60).catch((error: Error) => error.message)
    stop(system)
    return outcome
  }

  it('after escalate to a parent that resumes', async () => {
    const outcome = await onBoth(api =>
      answersAfter(api, (system, handler) =>
        api.spawn(
          api.spawn(system, (state: Any) => state, 'p', answering('resume')),
          handler,
          'c',
          answering('escalate'),
        ),
      ),
    )
    expect(outcome).toEqual({ nact: 'Query Timeout', here: 'works' })
  })

  for (const answer of ['stopAllChildren', 'resetAllChildren'])
    it(`after ${answer} of its own`, async () => {
      const outcome = await onBoth(api =>
        answersAfter(api, (system, handler) => api.spawn(system, handler, 'a', answering(answer))),
      )
      expect(outcome).toEqual({ nact: 'Query Timeout', here: 'works' })
    })
})

describe('stop', () => {
  it('runs afterStop after the handler in flight, with its state', async () => {
    const order = await onBoth(async ({ start, spawn, dispatch, stop }) => {
      const system = start()
      const seen: string[] = []
      const { opened, open } = gate()
      const handler = async () => {
        await opened
        seen.push('handler ends')
        return 'new'
      }
      const actor = spawn(system, handler, 'a', {
        initialState: 'old',
        afterStop: (state: Any) => seen.push(`afterStop with ${state}`),
      })
      dispatch(actor, 1)
      await turns()
      stop(actor)
      await turns()
      open()
      await turns()
      stop(system)
      return seen
    })
    expect(order).toEqual({
      nact: ['afterStop with old', 'handler ends'],
      here: ['handler ends', 'afterStop with new'],
    })
  })

  it('runs afterStop once, also where the handler in flight fails', async () => {
    const runs = await onBoth(async ({ start, spawn, dispatch, stop }) => {
      const system = start()
      let hooks = 0
      const { opened, open } = gate()
      const handler = async () => {
        await opened
        throw new Error('too late')
      }
      const actor = spawn(system, handler, 'a', { afterStop: () => hooks++ })
      dispatch(actor, 1)
      await turns()
      stop(actor)
      await turns()
      open()
      await turns()
      stop(system)
      return hooks
    })
    expect(runs).toEqual({ nact: 2, here: 1 })
  })

  it('tells whoever asked that a message which was about to begin is lost', async () => {
    const outcome = await onBoth(async ({ start, spawn, query, stop }) => {
      const system = start()
      const actor = spawn(system, (state: Any) => state)
      const asked = performance.now()
      const answer = query(actor, 1, 600).catch((thrown: Error) => thrown)
      stop(actor)
      const error: Any = await answer
      stop(system)
      return [performance.now() - asked > 500, error.code]
    })
    expect(outcome).toEqual({ nact: [true, undefined], here: [false, 'ACTOR_STOPPED'] })
  })

  it('makes a dead letter of each message that is left, and of each that comes later', async () => {
    const logger = new RecordingLogger()
    const kernel = ActorSystem.start({ name: 'kernel', logger })
    const letters: unknown[] = []
    kernel.deadLetters.subscribe(({ recipient, reason }) => letters.push([recipient, reason]))
    const system = here.start({ name: 'left' }, onTroupe(kernel))
    const actor = here.spawn(system, (state: Any) => state, 'a')
    for (const each of [1, 2]) here.dispatch(actor, each)
    here.stop(actor)
    await turns()
    here.dispatch(actor, 3)
    expect(letters).toEqual([
      ['/kernel/a', 'stopped'],
      ['/kernel/a', 'stopped'],
      ['/left/a', 'stopped'],
    ])
    await kernel.terminate()
  })

  for (const what of ['their parent', 'their system'])
    it(`ends the children with ${what}`, async () => {
      const seen = await onBoth(async ({ start, spawn, dispatch, stop }) => {
        const system = start()
        const events: string[] = []
        const parent = spawn(system, (state: Any) => state, 'parent')
        const handler = (state: Any, message: Any) => {
          events.push(`child handles ${message}`)
          return state
        }
        const afterStop = () => events.push('child has stopped')
        const child = spawn(what === 'their parent' ? parent : system, handler, 'child', { afterStop })
        dispatch(child, 1)
        dispatch(child, 2)
        stop(what === 'their parent' ? parent : system)
        await turns()
        stop(system)
        return events
      })
      expect(seen).toEqual({ nact: ['child handles 1', 'child handles 2'], here: ['child has stopped'] })
    })
})

describe('a query', () => {
  it('to an actor that fails is rejected at once, with what it failed of', async () => {
    const outcome = await onBoth(async ({ start, spawn, query, stop }) => {
      const system = start()
      const results: Any[] = []
      for (const properties of [{}, answering('resume'), answering('reset')]) {
        const actor = spawn(system, failing, undefined, properties)
        const asked = performance.now()
        const error: Any = await query(actor, 1, 600).catch((thrown: Error) => thrown)
        results.push([performance.now() - asked > 500, error.code, error.cause?.message])
      }
      stop(system)
      return results
    })
    const waited = [true, undefined, undefined]
    const atOnce = [false, 'ACTOR_CRASHED', 'bad']
    expect(outcome).toEqual({ nact: [waited, waited, waited], here: [atOnce, atOnce, atOnce] })
  })

  it('to an actor that stops before it takes the message is rejected at once', async () => {
    const outcome = await onBoth(async ({ start, spawn, dispatch, query, stop }) => {
      const system = start()
      const results: Any[] = []
      for (const properties of [{}, { afterStop: async () => sleep(5) }]) {
        const actor = spawn(system, () => sleep(10), undefined, properties)
        dispatch(actor, 'busy')
        const asked = performance.now()
        const answer = query(actor, 1, 600).catch((thrown: Error) => thrown)
        await turns(2)
        stop(actor)
        const error: Any = await answer
        results.push([performance.now() - asked > 500, error.code])
      }
      stop(system)
      return results
    })
    expect(outcome).toEqual({
      nact: [
        [true, undefined],
        [true, undefined],
      ],
      here: [
        [false, 'ACTOR_STOPPED'],
        [false, 'ACTOR_STOPPED'],
      ],
    })
  })

  it('may wait as long as one likes', async () => {
    const outcome = await onBoth(async ({ start, spawn, dispatch, query, stop }) => {
      const system = start()
      const actor = spawn(system, async (state: Any, _message: Any, { sender }: Any) => {
        await sleep(20)
        dispatch(sender, 'answered')
        return state
      })
      const answer = await query(actor, 1, 2 ** 31).catch((error: Error) => error.message)
      stop(system)
      return answer
    })
    expect(outcome).toEqual({ nact: 'Query Timeout', here: 'answered' })
  })
})

describe('what would end the process, or stop it', () => {
  const run = (side: 'nact' | 'here', name: string): Promise<string> =>
    new Promise(resolve => {
      const file = join(import.meta.dirname, 'fatal-child.ts')
      const child = spawnProcess(
        process.execPath,
        ['--conditions=troupe-source', '--import', 'tsx', file, side, name],
        { cwd: join(import.meta.dirname, '../..') },
      )
      let said = ''
      child.stdout.on('data', (text: Buffer) => {
        said += text
      })
      const tooLong = setTimeout(() => child.kill('SIGKILL'), 6_000)
      child.once('exit', (code, signal) => {
        clearTimeout(tooLong)
        resolve(said.endsWith('alive\n') ? 'alive' : (signal ?? `exit ${code}`))
      })
    })

  for (const [name, onNact] of [
    ['throwing onCrash', 'exit 1'],
    ['throwing afterStop', 'exit 1'],
    ['stopChild without a child', 'exit 1'],
    ['a start that fails and is reset', 'SIGKILL'],
  ] as const)
    it(`${name}: the process goes on`, async () => {
      expect({ nact: await run('nact', name), here: await run('here', name) }).toEqual({ nact: onNact, here: 'alive' })
    })
})

describe('resets', () => {
  it('more than 100 of them within 5,000 ms stop an actor that fails while it recovers', async () => {
    const outcome = await onBoth(async ({ start, spawnPersistent, query, stop, configurePersistence }) => {
      const engine = new MemoryEngine()
      engine.events_.poisoned = [{ data: 'x', sequenceNumber: 1, key: 'poisoned', tags: [], isDeleted: false }]
      const system = start(configurePersistence(engine))
      let failures = 0
      let isPoisoned = true
      const actor = spawnPersistent(
        system,
        () => {
          failures++
          if (isPoisoned) throw new Error('poison')
        },
        'poisoned',
        'a',
        answering('reset'),
      )
      const stopped = await failureOf(query(actor, 1, 400))
      const before = failures
      // Stopping the system would not end nact's.
      isPoisoned = false
      stop(system)
      return { failures: before > 101 ? 'more' : before, stopped: stopped.includes('stopped before') }
    })
    expect(outcome).toEqual({ nact: { failures: 'more', stopped: false }, here: { failures: 101, stopped: true } })
  })

  it('wait for the writes under way', async () => {
    const outcome = await onBoth(async ({ start, spawnPersistent, dispatch, query, stop, configurePersistence }) => {
      const engine = new MemoryEngine()
      const { persist } = engine
      engine.persist = async (event: Any) => {
        await sleep(10)
        await persist.call(engine, event)
      }
      const system = start(configurePersistence(engine))
      const actor = spawnPersistent(
        system,
        (state = '', message: Any, { sender, recovering, persist }: Any) => {
          if (message === 'read') dispatch(sender, state)
          if (message === 'read' || recovering) return message === 'read' ? state : state + message
          void persist(message)
          throw new Error('after it wrote')
        },
        'key',
        'a',
        answering('reset'),
      )
      dispatch(actor, 'written')
      const state = await query(actor, 'read', 500)
      stop(system)
      return state
    })
    expect(outcome).toEqual({ nact: '', here: 'written' })
  })
})

describe('persist', () => {
  it('gives the number of a write that failed to the next one', async () => {
    const numbers = await onBoth(async ({ start, spawnPersistent, dispatch, query, stop, configurePersistence }) => {
      const engine = new MemoryEngine()
      engine.failPersist = ({ data }) => (data === 'fails' ? new Error('no disk') : null)
      const system = start(configurePersistence(engine))
      const actor = spawnPersistent(
        system,
        async (state: Any, message: Any, { sender, persist }: Any) => {
          dispatch(sender, await failureOf(persist(message)))
          return state
        },
        'key',
      )
      for (const each of ['a', 'fails', 'b']) await query(actor, each, 500)
      stop(system)
      return engine.events_.key?.map(({ sequenceNumber }) => sequenceNumber)
    })
    expect(numbers).toEqual({ nact: [1, 3], here: [1, 2] })
  })
})

describe('smaller things', () => {
  it('what a stateless actor throws is logged', async () => {
    const logger = new RecordingLogger()
    const program = async ({ start, spawnStateless, dispatch, stop }: Api, ...extensions: Any[]) => {
      const system = start({ name: 'stateless' }, ...extensions)
      dispatch(spawnStateless(system, failing, 'a'), 1)
      await turns()
      stop(system)
    }
    const log = vi.spyOn(console, 'log').mockImplementation(() => undefined)
    const error = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    await program(nact)
    expect([log.mock.calls, error.mock.calls]).toEqual([[], []])
    log.mockRestore()
    error.mockRestore()
    await program(here, onTroupe({ logger }))
    expect(logger.lines).toMatchObject([
      {
        level: 'error',
        text: 'stateless://a: failed at a message, and goes on',
        fields: { error: { message: 'bad' } },
      },
    ])
  })

  it('a snapshot that cannot be encoded, or taken, is logged and fails no message', async () => {
    const program = async (
      { start, spawnPersistent, dispatch, stop, configurePersistence }: Api,
      properties: Any,
      engine: Any,
    ) => {
      const system = start(configurePersistence(engine))
      const seen: Any[] = []
      const handle = async (sum: Any, message: Any, { persist, recovering }: Any) => {
        if (!recovering) await persist(message)
        return sum + message
      }
      const onCrash = (message: Any, error: Any, { resume }: Any) => {
        seen.push([message, error.message])
        return resume
      }
      const actor = spawnPersistent(system, handle, 'k', 'a', {
        initialState: 0,
        snapshotEvery: 2,
        onCrash,
        ...properties,
      })
      for (const message of [1, 2]) dispatch(actor, message)
      await turns()
      stop(system)
      return [seen, engine.events_.k.length]
    }
    const encoding = await onBoth(api => program(api, { snapshotEncoder: failing }, new MemoryEngine()))
    const taking = await onBoth(api => program(api, {}, Object.assign(new MemoryEngine(), { takeSnapshot: failing })))
    for (const outcome of [encoding, taking]) expect(outcome).toEqual({ nact: [[[2, 'bad']], 2], here: [[], 2] })
  })

  it('in onCrash the sender is who sent the message', async () => {
    const outcome = await onBoth(async ({ start, spawn, dispatch, query, stop }) => {
      const system = start()
      const actor = spawn(system, failing, 'a', {
        onCrash: (_message: Any, error: Any, { sender, resume }: Any) => {
          dispatch(sender, error.message)
          return resume
        },
      })
      const answer = await query(actor, 1, 50).catch((error: Error) => error.message)
      stop(system)
      return answer
    })
    expect(outcome).toEqual({ nact: 'Query Timeout', here: 'bad' })
  })

  it('shutdownAfter may be more than 2^31 ms', async () => {
    const outcome = await onBoth(async ({ start, spawn, dispatch, query, stop }) => {
      const system = start()
      const echo = (state: Any, message: Any, { sender }: Any) => {
        dispatch(sender, message)
        return state
      }
      const actor = spawn(system, echo, 'a', { shutdownAfter: 25 * 24 * 3_600_000 })
      await sleep(20)
      const answer = await query(actor, 'up', 100).catch(() => 'stopped')
      stop(system)
      return answer
    })
    expect(outcome).toEqual({ nact: 'stopped', here: 'up' })
  })

  it('start takes a name, as declared', async () => {
    const isNamed = await onBoth(async ({ start, stop }) => {
      const system = start('named')
      stop(system)
      return system.name === 'named'
    })
    expect(isNamed).toEqual({ nact: false, here: true })
  })

  it('configureLogging is in the index, as declared', async () => {
    const { default: real } = await import('nact' as string)
    expect([typeof real.configureLogging, typeof here.configureLogging]).toEqual(['undefined', 'function'])
  })

  it('two systems of one name keep their actors apart', async () => {
    const outcome = await onBoth(async ({ start, spawn, dispatch, query, stop }) => {
      const saying =
        (text: string) =>
        (state: Any, _message: Any, { sender }: Any) => {
          dispatch(sender, text)
          return state
        }
      const one = start({ name: 'twice' })
      const ofOne = spawn(one, saying('one'), 'a')
      const two = start({ name: 'twice' })
      spawn(two, saying('two'), 'a')
      const answer = await query(ofOne, 1, 100)
      stop(two)
      stop(one)
      return answer
    })
    expect(outcome).toEqual({ nact: 'two', here: 'one' })
  })

  it('what a spawn refuses leaves nothing behind', async () => {
    const outcome = await onBoth(async ({ start, spawn, spawnPersistent, stop }) => {
      const system = start()
      const attempt = (run: () => unknown): string => {
        try {
          run()
          return 'spawned'
        } catch {
          return 'refused'
        }
      }
      const keep = (state: Any) => state
      const outcomes = [
        attempt(() => spawn(system, keep, 'a', { shutdownAfter: 'soon' })),
        attempt(() => spawn(system, keep, 'a')),
        attempt(() => spawnPersistent(system, keep, 5, 'b')),
        attempt(() => spawn(system, keep, 'b')),
      ]
      stop(system)
      return outcomes
    })
    expect(outcome).toEqual({
      nact: ['refused', 'refused', 'refused', 'refused'],
      here: ['refused', 'spawned', 'refused', 'spawned'],
    })
  })
})

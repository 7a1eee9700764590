import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { type ActorRef, ActorSystem, DeadLetter } from 'troupe'
import { onTroupe, troupeRef, troupeSystem } from 'troupe/nact'
import { Deferral } from 'troupe/nact/lib/deferral'
import * as monitoring from 'troupe/nact/lib/monitoring'
import { ActorPath } from 'troupe/nact/lib/paths'
import * as persistence from 'troupe/nact/lib/persistence'
import { defaultSupervisionPolicy } from 'troupe/nact/lib/supervision'
import * as systemMap from 'troupe/nact/lib/system-map'
import { afterEach, describe, expect, it } from 'vitest'
import { VirtualClock } from '../../src/testkit/virtual-clock.ts'
import { type Any, failureOf, here, nact, quietly, turns } from './support.ts'

const require = createRequire(import.meta.url)
const systems: Any[] = []
const start = (...extensions: Any[]): Any => {
  const system = here.start(...extensions)
  systems.push(system)
  return system
}
afterEach(() => {
  for (const system of systems.splice(0)) here.stop(system)
})
const keep = (state: Any) => state

describe('the doors have what nact has there:', () => {
  const library = join(dirname(require.resolve('nact')))
  const files = readdirSync(library, { recursive: true, encoding: 'utf8' }).filter(file => file.endsWith('.js'))
  const doors = files.flatMap(file => [file, file.slice(0, -'.js'.length)]).map(file => `nact/lib/${file}`)
  for (const door of ['nact', 'nact/lib', 'nact/lib/persistence', 'nact/lib/monitoring', ...doors])
    it(door, async () => {
      const name = `troupe/${door}`
      expect(Object.keys(await import(name))).toEqual(expect.arrayContaining(Object.keys(require(door))))
    })
})

describe('a deferral', () => {
  const { Deferral: Real } = require('nact/lib/deferral')
  for (const [name, Class] of [
    ['nact', Real],
    ['here', Deferral],
  ])
    it(`${name}: is done once it is settled, and ends no process`, async () => {
      const [kept, broken, open] = [new Class(), new Class(), new Class()]
      kept.resolve(1)
      broken.reject(new Error('bad'))
      await turns(1)
      expect([kept, broken, open].map(({ done }) => Boolean(done))).toEqual([true, true, false])
      expect([await kept.promise, await failureOf(broken.promise)]).toEqual([1, 'bad'])
    })
})

it('the policy of actors that have none may be asked by one of their own', async () => {
  for (const { api, policy } of [
    { api: nact, policy: require('nact/lib/supervision').defaultSupervisionPolicy },
    { api: here, policy: defaultSupervisionPolicy },
  ])
    await quietly(async () => {
      const system = api.start()
      const onCrash = (message: Any, error: Any, context: Any, child: Any) => policy(message, error, context, child)
      const actor = api.spawn(system, () => assert.fail('bad'), 'a', { onCrash })
      api.dispatch(actor, 1)
      await turns()
      expect(() => api.spawn(actor, keep)).toThrow('Actor has stopped or never even existed')
      api.stop(system)
    })
})

describe('paths', () => {
  it('take the names that nact takes', () => {
    const { ActorPath: real } = require('nact/lib/paths')
    const names = ['', 'a', 'a b', ' a', 'frog%', '$', '-a-', '123-abc', 'ü', 'a/b', "it's!", null, undefined, {}, 7]
    expect(names.map(name => ActorPath.isValidName(name))).toEqual(names.map(name => real.isValidName(name)))
    for (const name of names)
      if (real.isValidName(name)) expect(ActorPath.root('s').createChildPath(name as string).parts).toEqual([name])
      else expect(() => ActorPath.root('s').createChildPath(name as string)).toThrow(Error)
  })
})

describe('the system map', () => {
  it('finds what was added under its name, and asks it for references', () => {
    const system = { name: 'added', find: (reference: unknown) => `found ${(reference as Any).type}` }
    systemMap.add(system)
    expect(systemMap.find('added')).toBe(system)
    expect(systemMap.find('added', { type: 'x' })).toBe('found x')
    expect(systemMap.applyOrThrowIfStopped({ type: 'y', system: { name: 'added' } }, each => each)).toBe('found y')
    systemMap.remove('added')
    expect(systemMap.find('added')).toBeUndefined()
    expect(() => systemMap.applyOrThrowIfStopped({ system: { name: 'added' } }, each => each)).toThrow(
      'Actor has stopped or never even existed',
    )
  })

  it('shows whether an actor has stopped, and its children', () => {
    const system = start()
    const parent = here.spawn(system, keep, 'parent')
    const child = here.spawn(parent, keep, 'child')
    const seen = (reference: Any) =>
      systemMap.applyOrThrowIfStopped(reference, (actor: Any) => [actor.stopped, [...actor.childReferences]])
    expect([seen(system), seen(parent), seen(child)]).toEqual([
      [false, [['parent', parent]]],
      [false, [['child', child]]],
      [false, []],
    ])
    here.stop(parent)
    expect(seen(system)).toEqual([false, []])
    for (const each of [parent, child]) expect(() => seen(each)).toThrow(Error)
  })
})

describe('what is persisted', () => {
  it('has the checks and the defaults of nact', () => {
    const { PersistedEvent, PersistedSnapshot, AbstractPersistenceEngine, configurePersistence } = persistence
    expect(new PersistedEvent('d', 1, 'k', ['b', 'a'], 5)).toEqual({
      data: 'd',
      sequenceNumber: 1,
      key: 'k',
      tags: ['a', 'b'],
      createdAt: 5,
      isDeleted: false,
    })
    const before = Date.now()
    expect(new PersistedSnapshot('d', 1, 'k').createdAt).toBeGreaterThanOrEqual(before)
    for (const wrong of ['tag', null, ['a', 1]]) expect(() => new PersistedEvent('d', 1, 'k', wrong as never)).toThrow()
    expect(() => new PersistedEvent('d', '1' as never, 'k')).toThrow()
    expect(() => new PersistedSnapshot('d', '1' as never, 'k')).toThrow()
    const engine = new AbstractPersistenceEngine()
    for (const call of ['events', 'persist', 'latestSnapshot', 'takeSnapshot'] as const)
      expect(() => (engine[call] as Any)('key', 1)).toThrow(call)
    for (const none of [0, undefined, null]) expect(() => configurePersistence(none as never)({})).toThrow()
  })

  it('has the time that a program gives Date', () => {
    const { getTime } = Date.prototype
    Date.prototype.getTime = () => 123_456
    try {
      expect(new persistence.PersistedEvent('d', 1, 'k').createdAt).toBe(123_456)
    } finally {
      Date.prototype.getTime = getTime
    }
  })
})

describe('monitoring', () => {
  it('names its levels', async () => {
    const { logLevelToString } = await import('troupe/nact/lib/monitoring/monitoring')
    const levels = Object.values(monitoring.LogLevel)
    expect(levels).toEqual([0, 1, 2, 3, 4, 5, 6])
    expect([...levels, 100].map(logLevelToString)).toEqual([...Object.keys(monitoring.LogLevel), undefined])
    expect(monitoring.LogLevel).toEqual(require('nact/lib/monitoring').LogLevel)
  })

  it('logNothing keeps actors their log', async () => {
    const system = start(here.configureLogging(here.logNothing))
    const actor = here.spawn(system, (_state: Any, _message: Any, { log, sender }: Any) => {
      log.info('to nobody')
      here.dispatch(sender, Object.getPrototypeOf(log).constructor.name)
    })
    expect(await here.query(actor, 1, 500)).toBe('LoggingFacade')
  })
})

describe('beside Troupe', () => {
  it('nact’s actors live in a system of the kernel, under their names', async () => {
    const kernel = ActorSystem.start({ name: 'shared' })
    const system = start({ name: 'guest' }, onTroupe(kernel))
    here.spawn(here.spawn(system, keep, 'parent'), keep, 'child')
    here.spawn(system, keep, '$odd')
    expect(troupeSystem(system)).toBe(kernel)
    expect(kernel.inspect().map(({ name, children }) => [name, children.map(child => child.name)])).toEqual([
      ['parent', ['child']],
      ['~$odd', []],
    ])
    here.stop(system)
    await turns()
    expect(kernel.inspect()).toEqual([])
    await kernel.terminate()
  })

  it('a name is free while the last handler of its former actor still runs', async () => {
    const system = start()
    const actor = here.spawn(system, () => new Promise(() => undefined), 'same')
    here.dispatch(actor, 1)
    await turns(2)
    here.stop(actor)
    here.spawn(system, keep, 'same')
    expect(
      troupeSystem(system)
        .inspect()
        .map(({ name }) => name),
    ).toEqual(['same', 'same~'])
  })

  it('Troupe’s actors tell nact’s, which answer', async () => {
    const system = start()
    const doubling = here.spawn(system, (state: Any, { n, replyTo }: Any) => {
      replyTo.tell(n * 2)
      return state
    })
    const ref = troupeRef(doubling as never) as unknown as ActorRef<{ n: number; replyTo: { tell(n: number): void } }>
    expect(await ref.ask<number>(replyTo => ({ n: 21, replyTo }))).toBe(42)
  })

  it('an end that the kernel brings is an end for nact’s API', async () => {
    const system = start()
    const hooks: string[] = []
    const spawn = (name: string) => here.spawn(system, keep, name, { afterStop: () => hooks.push(name) })
    const [stopped, killed] = [spawn('stopped'), spawn('killed')]
    await turns(1)
    const ref = troupeRef(killed as never)
    await troupeRef(stopped as never).stop()
    ref.kill()
    await turns(1)
    expect(hooks).toEqual(['stopped', 'killed'])
    for (const each of [stopped, killed]) expect(await failureOf(here.query(each, 1, 20))).toContain('never existed')
    expect(() => troupeRef(killed as never)).toThrow('nothing lives under this reference')
  })

  it('a handler that never settles holds its actor’s end up for 5,000 ms, also where it stopped itself', async () => {
    const clock = new VirtualClock()
    const system = start(onTroupe({ ports: { clock } }))
    const hooks: string[] = []
    for (const name of ['by others', 'by itself']) {
      const actor = here.spawn(
        system,
        (_state: Any, _message: Any, { self }: Any) => {
          if (name === 'by itself') here.stop(self)
          return new Promise(() => undefined)
        },
        undefined,
        { afterStop: () => hooks.push(name) },
      )
      here.dispatch(actor, 1)
      await turns(2)
      here.stop(actor)
    }
    clock.advance(4_999)
    await turns(2)
    expect(hooks).toEqual([])
    clock.advance(1)
    await turns(2)
    expect(hooks.toSorted()).toEqual(['by itself', 'by others'])
  })

  it('time is the kernel’s', async () => {
    const clock = new VirtualClock()
    const system = start(onTroupe({ ports: { clock } }))
    const actor = here.spawn(system, keep, 'a', { shutdownAfter: 60_000 })
    const answer = failureOf(here.query(actor, 1, 50_000))
    await turns(2)
    clock.advance(50_000)
    expect(await answer).toBe('Query Timeout')
    clock.advance(60_000)
    await turns(2)
    expect(await failureOf(here.query(actor, 1, 1))).toContain('stopped')
  })

  it('late answers and messages to the stopped are dead letters', async () => {
    const kernel = ActorSystem.start({ name: 'letters' })
    const letters: DeadLetter[] = []
    kernel.deadLetters.subscribe(letter => letters.push(letter))
    const system = start({ name: 'guest' }, onTroupe(kernel))
    let sender: Any
    const actor = here.spawn(
      system,
      (state: Any, _message: Any, context: Any) => {
        sender = context.sender
        return state
      },
      'a',
    )
    await failureOf(here.query(actor, 1, 5))
    here.dispatch(sender, 'late')
    here.stop(actor)
    here.dispatch(actor, 'gone')
    expect(letters).toEqual([
      new DeadLetter('late', '/guest/query', 'late-reply'),
      new DeadLetter('gone', '/guest/a', 'stopped'),
    ])
    await kernel.terminate()
  })

  it('interceptors of the system are around nact’s actors', async () => {
    const seen: unknown[] = []
    const system = start(
      onTroupe({
        interceptors: [
          (state, message, context, next) => {
            seen.push(message)
            return next(state, message, context)
          },
        ],
      }),
    )
    here.dispatch(here.spawn(system, keep), 'told')
    await turns(1)
    expect(seen).toEqual(['told'])
  })
})

import { afterEach, describe, expect, it } from 'vitest'
import { hostOnNact, nactEngine } from '../../src/nact/index.ts'
import { eventSourced, type SnapshotPolicy } from '../../src/persistence/event-sourced.ts'
import type { EntityKind } from '../../src/persistence/event-sourced-entities.ts'
import { memoryJournal, memoryStore } from '../../src/persistence/memory-journal.ts'
import type { Recovered } from '../../src/persistence/recovery.ts'
import { gate, rejection, settle } from '../kernel/support.ts'
import { type Command, failNext, Handed, type Labels, ledger, Scene } from '../persistence/support.ts'
import { type Any, failureOf, here, nact, quietly, sleep, turns } from './support.ts'

const scenes: Scene[] = []
afterEach(async () => {
  for (const scene of scenes.splice(0)) await scene[Symbol.asyncDispose]()
})

const openScene = async (memory = memoryStore()): Promise<Scene> => {
  const scene = await Scene.open(memory)
  scenes.push(scene)
  return scene
}

const quiet = async (): Promise<void> => {
  for (let i = 0; i < 4; i++) await settle()
}

type Options = Parameters<typeof hostOnNact>[3] & { readonly snapshot?: SnapshotPolicy }

for (const [name, api] of [
  ['nact', nact],
  ['troupe/nact', here],
] as const)
  describe(`an event-sourced definition hosted on ${name}`, () => {
    const host = (scene: Scene, { snapshot, ...options }: Options = {}): EntityKind<Command, Labels> => {
      const kind = hostOnNact(api as never, ledger(snapshot), scene.store, options)
      scene.spawn(kind.behavior, `host${scene.log.length}`)
      return kind
    }
    const add = (label: string): Command => ({ type: 'add', label })

    it('decides commands in order, and answers each once its events are durable', async () => {
      const scene = await openScene()
      const kind = host(scene)
      let durable = 0
      const journal = scene.journal
      journal.plan = operation => (operation === 'commit' ? { hold: sleep(2).then(() => durable++) } : null)
      const answers = await Promise.all(
        ['a', 'b', 'c'].map(async label => [await kind.ask('x', add(label)), durable] as const),
      )
      expect(answers).toEqual([
        [['a'], 1],
        [['a', 'b'], 2],
        [['a', 'b', 'c'], 3],
      ])
      expect(await kind.ask('y', { type: 'read' })).toEqual([])
      expect(scene.log.map(({ persistenceId, expectedSequenceNr }) => [persistenceId, expectedSequenceNr])).toEqual([
        ['ledger|x', 0],
        ['ledger|x', 1],
        ['ledger|x', 2],
      ])
      expect(kind.live).toBe(2)
    })

    it('stores events and messages of one decision in one append, with what they came from', async () => {
      const scene = await openScene()
      const kind = host(scene)
      const delivery = new Handed(7, [5])
      kind.deliver('x', { type: 'send', address: 'risk', label: 'a' }, delivery)
      await quiet()
      expect(delivery.outcomes).toEqual(['done'])
      expect(scene.log).toMatchObject([
        {
          handled: { source: 'bridge', partition: 0, position: 7, outstanding: [5] },
          records: [
            { kind: 'event', type: 'Added' },
            { kind: 'command', type: 'risk' },
          ],
        },
      ])
    })

    it('handles a message of a log once, after a restart too', async () => {
      const memory = memoryStore()
      const scene = await openScene(memory)
      const kind = host(scene)
      const twice = [new Handed(3), new Handed(3), new Handed(2)]
      for (const delivery of twice) kind.deliver('x', add('a'), delivery)
      await quiet()
      const later = await openScene(memory)
      const again = new Handed(3)
      host(later).deliver('x', add('a'), again)
      await quiet()
      expect([...twice, again].map(({ outcomes }) => outcomes)).toEqual([['done'], ['done'], ['done'], ['done']])
      expect(later.labels).toEqual(['a'])
    })

    it('what cannot be stored is refused and crashes nothing', async () => {
      const scene = await openScene()
      const kind = host(scene)
      await kind.ask('x', add('a'))
      expect(await rejection(kind.ask('x', { type: 'unstorable' }))).toMatchObject({ code: 'EVENT_NOT_STORABLE' })
      const delivery = new Handed(1)
      kind.deliver('x', { type: 'unstorable' }, delivery)
      expect(await kind.ask('x', { type: 'read' })).toEqual(['a'])
      expect(delivery.outcomes).toMatchObject([{ error: { code: 'EVENT_NOT_STORABLE' }, culprit: true }])
      expect(kind.restarts).toBe(0)
    })

    for (const type of ['throw', 'evolve-throws'] as const)
      it(`a command on which it crashes (${type}) fails by its own fault, the others go on after a rest`, async () => {
        const scene = await openScene()
        const kind = host(scene)
        await kind.ask('x', add('a'))
        const [culprit, behind] = [new Handed(1), new Handed(2)]
        kind.deliver('x', { type }, culprit)
        kind.deliver('x', add('given back'), behind)
        const asked = kind.ask('x', add('b'))
        await quiet()
        expect([culprit, behind].map(({ outcomes }) => outcomes)).toMatchObject([
          [{ culprit: true }],
          [{ culprit: false }],
        ])
        await scene.pass(100)
        expect(await asked).toEqual(['a', 'b'])
        expect(kind.restarts).toBe(1)
        expect(scene.labels).toEqual(['a', 'b'])
        await expect(kind.ask('x', { type })).rejects.toMatchObject({ code: 'ACTOR_CRASHED' })
      })

    it('after a write that failed it recovers, and nothing that was answered is lost', async () => {
      const scene = await openScene()
      const kind = host(scene)
      await kind.ask('x', add('a'))
      for (const fail of ['before', 'after'] as const) {
        failNext(scene.journal, 'commit', fail)
        expect(await rejection(kind.ask('x', add(fail)))).toMatchObject({ code: 'JOURNAL_UNAVAILABLE' })
        scene.journal.plan = () => null
        const next = kind.ask('x', { type: 'read' })
        await scene.pass(400)
        expect(await next).toEqual(fail === 'before' ? ['a'] : ['a', 'after'])
      }
    })

    it('what cannot be recovered fails what waits for it, and its siblings go on', async () => {
      const scene = await openScene()
      const poisoned = eventSourced<Command, { type: 'Added' }, Labels, Labels>({
        ...(ledger() as never as ReturnType<typeof eventSourced<Command, { type: 'Added' }, Labels, Labels>>),
        evolve: () => {
          throw new Error('cannot be folded')
        },
      })
      const own = host(scene)
      await own.ask('bad', add('a'))
      const memory = scene.memory
      const later = await openScene(memory)
      const kind = hostOnNact(api as never, poisoned, later.store)
      later.spawn(kind.behavior)
      const delivery = new Handed(1)
      const asked = rejection(kind.ask('bad', { type: 'read' }))
      kind.deliver('bad', add('b'), delivery)
      await quiet()
      expect(await asked).toMatchObject({ code: 'RECOVERY_FAILED' })
      expect(delivery.outcomes).toMatchObject([{ error: { code: 'RECOVERY_FAILED' }, culprit: true }])
      expect(await kind.ask('good', { type: 'read' })).toEqual([])
    })

    it('takes snapshots, and recovers from the newest', async () => {
      const memory = memoryStore()
      const scene = await openScene(memory)
      const kind = host(scene, { snapshot: { every: 4 } })
      for (const label of 'abcdefghij') await kind.ask('x', add(label))
      await quiet()
      const recovered: Recovered<unknown>[] = []
      const later = await openScene(memory)
      const again = host(later, {
        snapshot: { every: 4 },
        onRecovery: { recovered: (_id, each) => void recovered.push(each) },
      })
      expect(await again.ask('x', { type: 'read' })).toEqual([...'abcdefghij'])
      expect(recovered).toMatchObject([{ sequenceNr: 10, snapshotSequenceNr: 8, eventsReplayed: 2 }])
      const other = await openScene(memory)
      expect(await host(other, { snapshot: { every: 4, version: 2 } }).ask('x', { type: 'read' })).toHaveLength(10)
    })

    it('a store changes hosts and back: state, inbox and snapshots are the same', async () => {
      const memory = memoryStore()
      const snapshot = { every: 3 }
      const all = [...'abcdefghijkl']
      for (const [round, label] of all.entries()) {
        const scene = await openScene(memory)
        const kind = round % 2 === 0 ? host(scene, { snapshot }) : scene.host({ snapshot }).kind
        const delivery = new Handed(round + 1)
        kind.deliver('x', add(label), delivery)
        const repeated = new Handed(Math.max(1, round))
        kind.deliver('x', add(round === 0 ? label : 'doubled'), repeated)
        expect(await kind.ask('x', { type: 'read' })).toEqual(all.slice(0, round + 1))
        expect([delivery.outcomes, repeated.outcomes]).toEqual([['done'], ['done']])
        await quiet()
      }
    })

    it('stops who is idle, and keeps no more than maxLive who are', async () => {
      const scene = await openScene()
      const kind = host(scene, { passivateAfterMs: 100, maxLive: 3 })
      for (const id of 'abcdef') await kind.ask(id, add(id))
      expect(kind.live).toBe(3)
      await scene.pass(150)
      expect(kind.live).toBe(0)
      expect(await kind.ask('a', add('again'))).toEqual(['a', 'again'])
    })

    it('while maxLive are busy, other ids wait, in order of coming', async () => {
      const scene = await openScene()
      const kind = host(scene, { maxLive: 2, snapshot: { every: 1 } })
      const lives: number[] = []
      scene.journal.plan = operation => {
        lives.push(kind.live)
        return operation === 'commit' ? { wait: sleep(2) } : null
      }
      const ids = ['a', 'b', 'c', 'd', 'e', 'c', 'a', 'f']
      const answers = await Promise.all(ids.map((id, i) => kind.ask(id, add(`${id}${i}`))))
      expect(answers.map(labels => labels.at(-1))).toEqual(ids.map((id, i) => `${id}${i}`))
      expect(answers[5]).toEqual(['c2', 'c5'])
      expect(Math.max(...lives)).toBe(2)
    })

    it('one that rests after a crash keeps its place, and who waits for it has it then', async () => {
      const scene = await openScene()
      const kind = host(scene, { maxLive: 1, backoff: { minMs: 100, maxMs: 100, jitter: 0 } })
      const crashed = rejection(kind.ask('x', { type: 'throw' }))
      const waiting = kind.ask('y', add('after the rest'))
      expect(await crashed).toMatchObject({ code: 'ACTOR_CRASHED' })
      await quiet()
      expect(scene.labels).toEqual([])
      await scene.pass(150)
      expect(await waiting).toEqual(['after the rest'])
    })

    it('its stop tells whoever waits for room', async () => {
      const scene = await openScene()
      const kind = hostOnNact(api as never, ledger(), scene.store, { maxLive: 1 })
      const ref = scene.spawn(kind.behavior, 'host')
      scene.journal.plan = operation => (operation === 'commit' ? { wait: sleep(5) } : null)
      const [inHand, waiting] = [kind.ask('x', add('x')), rejection(kind.ask('y', add('y')))]
      await settle()
      await ref.stop()
      expect(await inHand).toEqual(['x'])
      expect(await waiting).toMatchObject({ code: 'ACTOR_STOPPED' })
      expect(scene.labels).toEqual(['x'])
    })

    it('its supervisor’s stop waits for what is in hand; what comes later is told', async () => {
      const scene = await openScene()
      const kind = hostOnNact(api as never, ledger(), scene.store)
      const early = kind.ask('x', add('early'))
      const ref = scene.spawn(kind.behavior, 'host')
      expect(await early).toEqual(['early'])
      const delivery = new Handed(1)
      scene.journal.plan = operation => (operation === 'commit' ? { wait: sleep(20) } : null)
      const asked = kind.ask('x', add('a'))
      kind.deliver('x', add('b'), delivery)
      await settle()
      const stopped = ref.stop()
      await settle()
      const late = new Handed(2)
      kind.deliver('x', add('late'), late)
      await stopped
      expect([await asked, delivery.outcomes]).toEqual([['early', 'a'], ['done']])
      expect(late.outcomes).toMatchObject([{ culprit: false }])
      expect(await rejection(kind.ask('x', add('c')))).toMatchObject({ code: 'ACTOR_STOPPED' })
      expect(scene.labels).toEqual(['early', 'a', 'b'])
    })

    it('once another writer has the store, its supervisor fails', async () => {
      const memory = memoryStore()
      const scene = await openScene(memory)
      const kind = host(scene)
      await kind.ask('x', add('a'))
      await openScene(memory)
      expect(await rejection(kind.ask('x', add('b')))).toMatchObject({ code: 'JOURNAL_FENCED' })
      await quiet()
      expect(await rejection(kind.ask('x', add('c')))).toMatchObject({ code: 'ACTOR_STOPPED' })
    })

    it('refuses a second host of the same ids, an id that is none, and what takes too long', async () => {
      const scene = await openScene()
      const kind = host(scene)
      await kind.ask('x', { type: 'read' })
      const second = hostOnNact(api as never, ledger(), scene.store)
      scene.spawn(second.behavior, 'second')
      await quiet()
      expect(
        scene.logger.lines.some(({ fields }) => (fields?.error as { code?: string })?.code === 'ENTITIES_RUNNING'),
      ).toBe(true)
      expect(() => hostOnNact(api as never, ledger(), scene.store, { maxLive: 0 })).toThrow(
        'maxLive must be a whole number',
      )
      expect(() => kind.tell('x'.repeat(600), { type: 'read' })).toThrow('at most 512')
      const { opened, open } = gate()
      scene.journal.plan = operation => (operation === 'commit' ? { wait: opened } : null)
      const asked = rejection(kind.ask('x', add('slow'), { timeoutMs: 30 }))
      await scene.pass(30)
      expect(await asked).toMatchObject({ code: 'ASK_TIMEOUT' })
      open()
    })
  })

describe('what is weaker on nact:', () => {
  const commitsFor = async (make: (scene: Scene) => EntityKind<Command, Labels>): Promise<number> => {
    const scene = await openScene()
    const kind = make(scene)
    await kind.ask('x', { type: 'read' })
    let commits = 0
    scene.journal.plan = operation => {
      if (operation === 'commit') commits++
      return null
    }
    await Promise.all(Array.from({ length: 20 }, (_, i) => kind.ask('x', { type: 'add', label: `${i}` })))
    return commits
  }

  it('the commands of one id share no write', async () => {
    const own = await commitsFor(scene => scene.host().kind)
    const hosted = await commitsFor(scene => {
      const kind = hostOnNact(nact as never, ledger(), scene.store)
      scene.spawn(kind.behavior)
      return kind
    })
    expect(hosted).toBe(20)
    expect(own).toBeLessThanOrEqual(3)
  })

  it('what an actor of its own API persists and sends are two steps: a crash between them loses one', () =>
    quietly(async () => {
      const engine = nactEngine(memoryJournal())
      const { start, spawn, spawnPersistent, dispatch, query, stop } = nact
      const system = start(nact.configurePersistence(engine))
      const received: string[] = []
      const receiver = spawn(system, (state: unknown, message: string) => {
        received.push(message)
        return state
      })
      let isCrashing = true
      const actor = spawnPersistent(
        system,
        async (stored: readonly string[] = [], { type, order, replyTo }: Any, { persist, recovering }: Any) => {
          if (type === 'read') dispatch(replyTo, stored)
          if (type === 'read' || recovering) return type === 'read' ? stored : [...stored, type]
          const steps = [() => persist({ type }), () => dispatch(receiver, type)]
          const [first, second] = (order === 'persist first' ? steps : steps.reverse()) as [
            () => unknown,
            () => unknown,
          ]
          await first()
          if (isCrashing) throw new Error('in between')
          await second()
          return [...stored, type]
        },
        'orders',
        'orders',
        { onCrash: (_message: unknown, _error: unknown, { reset }: { reset: symbol }) => reset },
      )
      dispatch(actor, { type: 'stored, never sent', order: 'persist first' })
      dispatch(actor, { type: 'sent, never stored', order: 'send first' })
      await turns()
      isCrashing = false
      expect(await query(actor, (replyTo: unknown) => ({ type: 'read', replyTo }), 500)).toEqual(['stored, never sent'])
      expect(received).toEqual(['sent, never stored'])
      stop(system)
      await engine.close()
    }))

  it('nothing ends a handler that never settles, and its actor takes no message more', async () => {
    const { start, spawn, dispatch, query, stop } = nact
    const system = start()
    const actor = spawn(system, (state: unknown, message: string) =>
      message === 'hang' ? new Promise(() => undefined) : state,
    )
    dispatch(actor, 'hang')
    expect(await failureOf(query(actor, 'anybody?', 50))).toBe('Query Timeout')
    stop(system)
  })
})

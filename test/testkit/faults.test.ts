import { behavior, type Journal, type ReplyTo, RuntimeError, stopped } from 'troupe'
import {
  Faults,
  FaultyClock,
  FaultyJournal,
  FaultySource,
  faultyActor,
  type JournalOperation,
  type SourceOperation,
  testSystem,
  VirtualClock,
} from 'troupe/testkit'
import { describe, expect, test } from 'vitest'
import { logSource } from '../../src/messaging/log-source.ts'
import type { SourceMessage } from '../../src/messaging/message-source.ts'
import { memoryJournal, memoryStore } from '../../src/persistence/memory-journal.ts'
import { settle } from '../kernel/support.ts'
import { Writer } from '../messaging/support.ts'
import { append, written } from '../persistence/journal-contract.ts'
import { Scene } from '../persistence/support.ts'

describe('a plan of faults', () => {
  const faults = () => new Faults<'read' | 'write'>({ seed: 3 })

  test('is for the next operations of a name, or of any', () => {
    const plan = faults().next('write', { fail: 'before' }, 2).next('*', { drop: true })
    expect(['read', 'read', 'write', 'write', 'write'].map(name => plan.plan(name as 'read'))).toEqual([
      { drop: true },
      null,
      { fail: 'before' },
      { fail: 'before' },
      null,
    ])
    expect(plan.injected).toEqual(
      new Map([
        ['read', 1],
        ['write', 2],
      ]),
    )
  })

  test('is for the nth of a name', () => {
    const plan = faults().nth('write', 3, { hang: 'after' })
    const asked = ['write', 'read', 'write', 'write', 'write'].map(name => plan.plan(name as 'write'))
    expect(asked.map(fault => fault !== null)).toEqual([false, false, false, true, false])
  })

  test('is for every one with a probability, the same for the same seed, until cleared', () => {
    const draw = (seed: number): boolean[] => {
      const plan = new Faults({ seed }).sometimes('x', { drop: true }, 0.3)
      return Array.from({ length: 1_000 }, () => plan.plan('x') !== null)
    }
    expect(draw(1)).toEqual(draw(1))
    expect(draw(1)).not.toEqual(draw(2))
    const hits = draw(1).filter(Boolean).length
    expect(hits).toBeGreaterThan(240)
    expect(hits).toBeLessThan(360)
    const plan = faults().sometimes('*', { drop: true }, 1)
    plan.clear()
    expect(plan.plan('read')).toBeNull()
  })

  test('refuses numbers that are none', () => {
    for (const wrong of [0, -1, 1.5, Number.NaN]) expect(() => faults().next('read', {}, wrong)).toThrow(RangeError)
    expect(() => faults().nth('read', 0, {})).toThrow(RangeError)
    expect(() => faults().sometimes('read', {}, 1.1)).toThrow(RangeError)
  })
})

describe('a faulty journal', () => {
  const open = async () => {
    const clock = new VirtualClock()
    const faults = new Faults<JournalOperation>()
    const store = memoryStore()
    const journal = new FaultyJournal(memoryJournal({ store }), faults.plan, clock)
    await journal.open()
    return { clock, faults, journal, store }
  }
  const outcome = (promise: Promise<unknown>): { value: string } => {
    const seen = { value: 'pending' }
    promise.then(
      () => {
        seen.value = 'resolved'
      },
      (error: RuntimeError) => {
        seen.value = error.code ?? error.message
      },
    )
    return seen
  }

  test('fails before the write, or after it', async () => {
    const { faults, journal, store } = await open()
    faults.next('commit', { fail: 'before' }).next('commit', { fail: 'after' })
    const first = append('a', 0)
    await expect(journal.commit(0, [first])).rejects.toMatchObject({ code: 'JOURNAL_UNAVAILABLE', retryable: true })
    expect(store.partitions[0]!.log).toHaveLength(0)
    await expect(journal.commit(0, [first])).rejects.toMatchObject({ code: 'JOURNAL_UNAVAILABLE' })
    expect(store.partitions[0]!.log).toHaveLength(1)
    expect(written(await journal.commit(0, [first]))).toEqual(['1 again'])
  })

  test('throws at once where it is told to, and fails with the error that it is given', async () => {
    const { faults, journal } = await open()
    const error = new RuntimeError('JOURNAL_FENCED', 'on purpose')
    faults.next('lastSequenceNr', { fail: 'before', throws: true, error }).next('readLog', { fail: 'before', error })
    expect(() => journal.lastSequenceNr('a')).toThrow(error)
    await expect(journal.readLog(0, 1, 1)).rejects.toBe(error)
  })

  test('delays the operation, or its answer', async () => {
    const { clock, faults, journal, store } = await open()
    faults.next('commit', { delayMs: 50 }).next('commit', { answerDelayMs: 50 })
    const late = outcome(journal.commit(0, [append('a', 0)]))
    const answered = outcome(journal.commit(0, [append('b', 0)]))
    await settle()
    expect(store.partitions[0]!.log.map(stored => stored.persistenceId)).toEqual(['b'])
    expect([late.value, answered.value]).toEqual(['pending', 'pending'])
    clock.advance(50)
    await settle()
    expect(store.partitions[0]!.log.map(stored => stored.persistenceId)).toEqual(['b', 'a'])
    expect([late.value, answered.value]).toEqual(['resolved', 'resolved'])
  })

  test('hangs before or after the write', async () => {
    const { faults, journal, store } = await open()
    faults.next('commit', { hang: 'before' }).next('commit', { hang: 'after' })
    const outcomes = [outcome(journal.commit(0, [append('a', 0)])), outcome(journal.commit(0, [append('b', 0)]))]
    await settle()
    expect(outcomes.map(each => each.value)).toEqual(['pending', 'pending'])
    expect(store.partitions[0]!.log.map(stored => stored.persistenceId)).toEqual(['b'])
  })

  test('writes twice, which a journal recognises, or not at all', async () => {
    const { faults, journal } = await open()
    faults.next('commit', { duplicate: true }).next('commit', { drop: true })
    expect(written(await journal.commit(0, [append('a', 0)]))).toEqual(['1 again'])
    expect(written(await journal.commit(0, [append('a', 1)]))).toEqual(['conflict at 1'])
    expect(await journal.lastPosition(0)).toBe(1)
  })

  test('crashes whom it is told to before or after any step', async () => {
    for (const at of ['before', 'after'] as const) {
      const { faults, journal, store } = await open()
      let crashed = 0
      faults.nth('commit', 2, { crash: { at, run: () => crashed++ } })
      await journal.commit(0, [append('a', 0)])
      const seen = outcome(journal.commit(0, [append('b', 0)]))
      await settle()
      expect([crashed, seen.value, store.partitions[0]!.log.length]).toEqual([1, 'pending', at === 'before' ? 1 : 2])
    }
  })

  test.each<readonly [JournalOperation, (journal: Journal) => Promise<unknown>]>([
    ['open', journal => journal.open()],
    ['lastSequenceNr', async journal => journal.lastSequenceNr('a')],
    ['read', async journal => journal.read('a', 1)[Symbol.asyncIterator]().next()],
    ['readLog', journal => journal.readLog(0, 1, 1)],
    ['lastPosition', journal => journal.lastPosition(0)],
    ['saveSnapshot', journal => journal.saveSnapshot({ persistenceId: 'a', sequenceNr: 1, timeMs: 0, payload: 1 }, 1)],
    [
      'loadSnapshots',
      async journal =>
        journal
          .loadSnapshots('a', () => undefined)
          [Symbol.asyncIterator]()
          .next(),
    ],
    ['loadCursors', journal => journal.loadCursors(0)],
    ['saveCursors', journal => journal.saveCursors(0, new Map())],
    ['close', journal => journal.close()],
  ])('fails at %s, once', async (operation, call) => {
    const { faults, journal } = await open()
    faults.next(operation, { fail: 'before' })
    await expect(call(journal)).rejects.toMatchObject({ code: 'JOURNAL_UNAVAILABLE' })
    await call(journal)
  })

  /** The members that a journal may leave out; the compiler says so when one is missing here. */
  type Optional = { [K in keyof Journal]-?: undefined extends Journal[K] ? K : never }[keyof Journal]
  const CALLS: Readonly<Record<Exclude<Optional, 'lineage'>, (journal: Journal) => unknown>> = {
    checkOwner: journal => journal.checkOwner?.(),
    find: journal => journal.find?.('a'),
    deleteTo: journal => journal.deleteTo?.('a', 7),
    tombstone: journal => journal.tombstone?.('a'),
    rollOut: journal => journal.rollOut?.(),
  }
  const OPERATIONS = Object.keys(CALLS) as (keyof typeof CALLS)[]

  test('has what the journal behind it may leave out, if that has it, and passes it on', async () => {
    const asked: unknown[] = []
    const inner = memoryJournal()
    for (const name of OPERATIONS)
      Object.assign(inner, {
        async [name](this: Journal, ...args: unknown[]) {
          expect(this).toBe(inner)
          asked.push([name, ...args])
          return name
        },
      })
    Object.assign(inner, { lineage: 'of old' })
    const faults = new Faults<JournalOperation>()
    const journal = new FaultyJournal(inner, faults.plan)
    expect(journal.lineage).toBe('of old')
    for (const name of OPERATIONS) {
      faults.next(name, { fail: 'before' }).next(name, { drop: true })
      await expect(CALLS[name](journal)).rejects.toMatchObject({ code: 'JOURNAL_UNAVAILABLE' })
      expect(await CALLS[name](journal)).not.toBe(name)
      expect(await CALLS[name](journal)).toBe(name)
    }
    expect(asked).toEqual([['checkOwner'], ['find', 'a'], ['deleteTo', 'a', 7], ['tombstone', 'a'], ['rollOut']])
  })

  test('has none of it where the journal behind it has none', () => {
    const inner = memoryJournal()
    for (const name of OPERATIONS) Object.assign(inner, { [name]: undefined })
    const journal: Journal = new FaultyJournal(inner)
    expect(OPERATIONS.filter(name => journal[name] !== undefined)).toEqual([])
    expect(journal.lineage).toBeNull()
  })
})

describe('faulty actors', () => {
  type Message =
    | { readonly type: 'add'; readonly by: number }
    | { readonly type: 'read'; readonly replyTo: ReplyTo<number> }
    | { readonly type: 'stop' }
  const counter = behavior<Message, number>({
    initial: () => 0,
    handlerTimeoutMs: 1_000,
    receive: (sum, message) => {
      if (message.type === 'add') return sum + message.by
      if (message.type === 'stop') return stopped()
      message.replyTo.tell(sum)
      return sum
    },
  })
  const stage = () => {
    const faults = new Faults()
    const kit = testSystem({ interceptors: [faultyActor(faults.plan)] })
    const probe = kit.probe<number>()
    const ref = kit.spawn(counter)
    probe.watch(ref as never)
    return { faults, kit, probe, ref }
  }

  test.each(['before', 'after'] as const)('crash %s their handler', async fail => {
    const { faults, kit, probe, ref } = stage()
    await using _ = kit
    faults.nth('read', 2, { fail })
    ref.tell({ type: 'add', by: 1 })
    ref.tell({ type: 'read', replyTo: probe.ref })
    ref.tell({ type: 'read', replyTo: probe.ref })
    expect(await probe.expectTerminated(ref as never)).toMatchObject({
      type: 'error',
      error: { message: expect.stringContaining(`an injected crash, ${fail} its handler`) },
    })
    await probe.expectMessage(1)
    if (fail === 'after') await probe.expectMessage(1)
    await probe.expectNone()
  })

  test('handle a message twice, late, or not at all', async () => {
    const { faults, kit, probe, ref } = stage()
    await using _ = kit
    faults.next('add', { duplicate: true }).next('add', { drop: true }).next('read', { delayMs: 200 })
    ref.tell({ type: 'add', by: 5 })
    ref.tell({ type: 'add', by: 100 })
    ref.tell({ type: 'read', replyTo: probe.ref })
    const startMs = kit.clock.monotonicMs()
    await probe.expectMessage(10)
    expect(kit.clock.monotonicMs() - startMs).toBe(200)
    // What ended the actor the first time is not done twice.
    faults.next('stop', { duplicate: true })
    ref.tell({ type: 'stop' })
    expect(await probe.expectTerminated(ref as never)).toEqual({ type: 'normal' })
  })

  test('hang until their handler’s time is over', async () => {
    const { faults, kit, probe, ref } = stage()
    await using _ = kit
    faults.next('add', { hang: 'before' })
    ref.tell({ type: 'add', by: 5 })
    expect(await probe.expectTerminated(ref as never)).toMatchObject({ error: { code: 'ACTOR_HANDLER_TIMEOUT' } })
  })
})

describe('a faulty source', () => {
  const open = async () => {
    const scene = await Scene.open()
    const faults = new Faults<SourceOperation>()
    const source = new FaultySource(logSource(scene.store, 'g', { events: ['Said'] }), faults.plan, scene.clock)
    const writer = new Writer(scene.store)
    let woken = 0
    await source.open(
      () => woken++,
      error => {
        throw error
      },
    )
    writer.events('publisher', 'Said:a', 'Said:b', 'Said:c')
    await settle()
    const take = (): SourceMessage[] => {
      const taken: SourceMessage[] = []
      for (let message = source.next(); message !== null; message = source.next()) taken.push(message)
      return taken
    }
    const labels = (messages: readonly SourceMessage[]): string =>
      messages.map(message => (message.payload as { label: string }).label.slice(-1)).join('')
    return { faults, labels, scene, source, take, woken: () => woken }
  }

  test('delivers twice: as if it came again behind the others', async () => {
    const { faults, labels, scene, take } = await open()
    await using _ = scene
    faults.nth('deliver', 2, { duplicate: true })
    expect(labels(take())).toBe('abcb')
  })

  test('delivers late, and holds up what is behind', async () => {
    const { faults, labels, scene, take, woken } = await open()
    await using _ = scene
    faults.nth('deliver', 2, { delayMs: 100 })
    expect(labels(take())).toBe('a')
    scene.clock.advance(99)
    expect(labels(take())).toBe('')
    const before = woken()
    scene.clock.advance(1)
    expect(woken()).toBe(before + 1)
    expect(labels(take())).toBe('bc')
  })

  test.each([{ drop: true }, { fail: 'before' }] as const)(
    'loses a delivery until it is opened again: %o',
    async fault => {
      const { faults, labels, scene, source, take } = await open()
      await using _ = scene
      faults.nth('deliver', 2, fault)
      for (const message of take()) source.done(message)
      await source.close()
      await source.open(
        () => undefined,
        () => undefined,
      )
      await settle()
      // Everything from the lost one on: no cursor passes over it.
      expect(labels(take())).toBe('bc')
    },
  )

  test('loses an acknowledgement: its message comes again', async () => {
    const { faults, labels, scene, source, take } = await open()
    await using _ = scene
    const taken = take()
    faults.next('done', { drop: true })
    for (const message of taken) source.done(message)
    await source.open(
      () => undefined,
      () => undefined,
    )
    await settle()
    expect(labels(take())).toBe('abc')
  })

  test('says that it has given no more than it has, and reads again or fails', async () => {
    const { faults, scene, source, take } = await open()
    await using _ = scene
    faults.nth('deliver', 2, { delayMs: 100 })
    take()
    // Its inner source has given `b`, and it holds that back.
    expect(source.givenTo?.(0)).toBe(1)
    scene.clock.advance(100)
    take()
    expect(source.givenTo?.(0)).toBe(3)
    expect((await source.again?.(0, [1, 3]))?.map(message => message.position)).toEqual([1, 3])
    faults.next('again', { drop: true })
    await expect(source.again?.(0, [1])).rejects.toMatchObject({ code: 'JOURNAL_UNAVAILABLE' })
  })

  test('has not given what was lost on the way, until it is opened again', async () => {
    const { faults, scene, source, take } = await open()
    await using _ = scene
    faults.nth('deliver', 2, { drop: true })
    take()
    expect(source.givenTo?.(0)).toBe(1)
  })

  test('fails to open', async () => {
    const { faults, scene, source } = await open()
    await using _ = scene
    faults.next('open', { fail: 'before', error: new Error('not now') })
    await expect(
      source.open(
        () => undefined,
        () => undefined,
      ),
    ).rejects.toThrow('not now')
  })
})

describe('a faulty clock', () => {
  test('has timers that come late, twice or never, and a wall that jumps; monotonic time is true', () => {
    const inner = new VirtualClock(1_000)
    const faults = new Faults<'after'>()
    const clock = new FaultyClock(inner, faults.plan)
    const ran: string[] = []
    faults.next('after', { delayMs: 30 }).next('after', { duplicate: true }).next('after', { drop: true })
    clock.after(10, () => ran.push(`late ${clock.monotonicMs()}`))
    clock.after(10, () => ran.push(`twice ${clock.monotonicMs()}`))
    clock.after(10, () => ran.push('never'))
    const cancel = clock.after(10, () => ran.push('cancelled'))
    cancel()
    clock.jumpWall(-500)
    inner.advance(100)
    expect(ran).toEqual(['twice 10', 'twice 10', 'late 40'])
    expect([clock.nowMs(), clock.monotonicMs()]).toEqual([600, 100])
  })
})

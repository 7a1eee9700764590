import {
  type ActorRef,
  type Behavior,
  behavior,
  childRef,
  type DynamicSupervisorMessage,
  type DynamicSupervisorSpec,
  dynamicControl,
  dynamicSupervisor,
  isRuntimeError,
  supervisor,
} from 'troupe'
import { describe, expect, test } from 'vitest'
import { rejection, Stage, settle, VirtualStage } from '../kernel/support.ts'
import { BOOM, chain, crash, type WorkerMessage, type WorkerOptions, worker } from './support.ts'

type Sessions = DynamicSupervisorMessage<string, WorkerMessage>

interface Plan extends Partial<Omit<DynamicSupervisorSpec<string, WorkerMessage>, 'start'>> {
  readonly plans?: Readonly<Record<string, WorkerOptions>>
}

/** Children are workers, named by their argument. */
const staged = <S extends Stage>(stage: S, { plans = {}, ...spec }: Plan = {}) => {
  const seen: string[] = []
  const start = (name: string) => worker(name, seen, plans[name])
  const top = stage.spawn(dynamicSupervisor({ intensity: 5, ...spec, start }), 'top')
  const control = dynamicControl(top)
  const startAll = async (...names: string[]) => {
    const refs: ActorRef<WorkerMessage>[] = []
    for (const name of names) {
      const started = await control.start(name)
      if (!started.ok || started.ref === null) throw new Error(`${name} did not start`)
      refs.push(started.ref)
    }
    return refs
  }
  const one = async (name: string) => (await startAll(name))[0] as ActorRef<WorkerMessage>
  return { stage, seen, top, control, startAll, one }
}

const hangs: WorkerOptions = { onStop: () => new Promise(() => undefined) }

describe('a child', () => {
  test('is started with its arguments, and its ref takes its messages', async () => {
    await using stage = new Stage()
    const { seen, one } = staged(stage)
    const [ada, bob] = [await one('ada'), await one('bob')]
    ada.tell({ type: 'note', text: 'hello' })
    expect(await bob.ask(replyTo => ({ type: 'echo', text: 'hi', replyTo }))).toBe('hi')
    expect(seen).toEqual(['start ada 1', 'start bob 1', 'ada: hello'])
    // @ts-expect-error no message of a worker
    ada.tell({ type: 'sing' })
  })

  test('that fails to start is not kept, and the answer has the error', async () => {
    await using stage = new Stage()
    const { control } = staged(stage, { plans: { ada: { starts: [BOOM] } } })
    // @ts-expect-error the argument is a name
    const wrong = (): unknown => control.start(7)
    expect(wrong).toBeDefined()
    expect(await control.start('ada')).toEqual({ ok: false, error: 'start-failed', cause: BOOM })
    expect((await control.count()).all).toBe(0)
  })

  test('whose behavior cannot be made fails to start', async () => {
    await using stage = new Stage()
    const top = stage.spawn(
      dynamicSupervisor<number, never>({
        start: n => {
          if (n === 0) throw BOOM
          return 7 as unknown as Behavior<never>
        },
      }),
    )
    const control = dynamicControl(top)
    expect(await control.start(0)).toEqual({ ok: false, error: 'start-failed', cause: BOOM })
    expect(await control.start(1)).toMatchObject({ ok: false, cause: { code: 'CHILD_SPEC_INVALID' } })
  })

  test('whose start answers `ignore` is not kept, and has no ref', async () => {
    await using stage = new Stage()
    const { control } = staged(stage, { plans: { ada: { starts: ['ignore'] } } })
    expect(await control.start('ada')).toEqual({ ok: true, ref: null })
    expect(await control.whichChildren()).toEqual([])
  })

  test('beyond maxChildren is not started', async () => {
    await using stage = new Stage()
    const { control, one } = staged(stage, { maxChildren: 1 })
    const ada = await one('ada')
    expect(await control.start('bob')).toEqual({ ok: false, error: 'max-children' })
    await control.terminate(ada)
    expect(await control.start('bob')).toMatchObject({ ok: true })
  })

  test('whose start takes long holds up no other start, restart or stop', async () => {
    await using stage = new Stage()
    let open = (): void => undefined
    const slow = behavior<never, null>({
      initial: () =>
        new Promise(resolve => {
          open = () => resolve(null)
        }),
      receive: state => state,
    })
    const top = stage.spawn(
      dynamicSupervisor({ start: (name: string): Behavior<never> => (name === 'slow' ? slow : worker(name, [])) }),
    )
    const control = dynamicControl(top)
    const starting = control.start('slow')
    const other = await control.start('other')
    expect(await control.count()).toEqual({ all: 2, starting: 1, up: 1, restarting: 0, stopping: 0 })
    expect(await control.terminate((other as { ref: ActorRef<never> }).ref)).toEqual({ ok: true })
    open()
    expect(await starting).toMatchObject({ ok: true })
  })
})

describe('restart', () => {
  test('is by default never: a child that ends is forgotten', async () => {
    await using stage = new Stage()
    const { control, one, seen } = staged(stage)
    crash(await one('ada'))
    await settle()
    expect([seen, await control.whichChildren()]).toEqual([['start ada 1', 'stop ada 1 error'], []])
    expect(stage.logger.lines).toMatchObject([{ level: 'warn', text: expect.stringMatching(/is not restarted$/) }])
  })

  test('of a transient child follows a crash or a kill, in its old mailbox, and no orderly end', async () => {
    await using stage = new Stage()
    const { control, one, seen } = staged(stage, { restart: 'transient' })
    const ada = await one('ada')
    crash(ada)
    ada.tell({ type: 'note', text: 'kept' })
    await settle()
    ada.kill()
    await settle()
    ada.tell({ type: 'end', reason: { type: 'normal' } })
    await settle()
    expect(seen).toEqual([
      ...['start ada 1', 'stop ada 1 error', 'start ada 2', 'ada: kept', 'start ada 3', 'stop ada 3 normal'],
    ])
    expect((await control.count()).all).toBe(0)
  })

  test('of a permanent child follows any end', async () => {
    await using stage = new Stage()
    const { one, seen } = staged(stage, { restart: 'permanent' })
    const ada = await one('ada')
    ada.tell({ type: 'end', reason: { type: 'normal' } })
    await settle()
    expect(seen).toEqual(['start ada 1', 'stop ada 1 normal', 'start ada 2'])
  })

  test('that fails is tried again, counts, and one that answers `ignore` ends it', async () => {
    await using stage = new Stage()
    const { control, one, seen } = staged(stage, {
      restart: 'permanent',
      plans: { ada: { starts: ['ok', BOOM, BOOM, 'ok'] }, bob: { starts: ['ok', 'ignore'] } },
    })
    crash(await one('ada'))
    await settle()
    expect(seen).toEqual(['start ada 1', 'stop ada 1 error', 'fail ada 2', 'fail ada 3', 'start ada 4'])
    crash(await one('bob'))
    await settle()
    expect((await control.count()).all).toBe(1)
  })

  test('counts for all children together: with one too many the supervisor stops all and ends', async () => {
    await using stage = new Stage()
    const { startAll, seen } = staged(stage, { restart: 'permanent', intensity: 2 })
    const refs = await startAll('a', 'b', 'c', 'd')
    for (const ref of refs.slice(0, 3)) {
      crash(ref)
      await settle()
    }
    const reason = await stage.system.whenTerminated
    expect(chain(reason)).toEqual(['SUPERVISOR_INTENSITY_REACHED', 'boom'])
    expect((reason as { cause: Error }).cause.message).toMatch(
      /^\/test\/top gave up after more than 2 restarts within 5000 ms, the last of child \$\d+$/,
    )
    expect(seen.filter(word => word.startsWith('start'))).toHaveLength(6)
    expect(seen).toContain('stop d 1 shutdown')
  })

  test('waits for the backoff of that child, and the others go on', async () => {
    await using stage = new VirtualStage()
    const { control, startAll, seen } = staged(stage, { restart: 'permanent', backoff: { minMs: 50, jitter: 0 } })
    const [a, b] = (await startAll('a', 'b')) as [ActorRef<WorkerMessage>, ActorRef<WorkerMessage>]
    crash(a)
    a.tell({ type: 'note', text: 'waits' })
    await settle()
    expect((await control.count()).restarting).toBe(1)
    expect(await b.ask(replyTo => ({ type: 'echo', text: 'up', replyTo }))).toBe('up')
    stage.clock.advance(50)
    await settle()
    expect(seen.slice(2)).toEqual(['stop a 1 error', 'start a 2', 'a: waits'])
    crash(a)
    await settle()
    expect(await control.terminate(a)).toEqual({ ok: true })
    stage.clock.advance(1_000)
    await settle()
    expect(seen.at(-1)).toBe('stop a 2 error')
    expect(stage.clock.pending).toBe(0)
  })

  test('is chosen by a decider, which gets the name of the child', async () => {
    await using stage = new Stage()
    const heard: string[] = []
    const { one, seen } = staged(stage, {
      restart: 'permanent',
      decider: (error, name) => {
        heard.push(`${name} ${error.message}`)
        return error === BOOM ? 'resume' : 'stop'
      },
    })
    const ada = await one('ada')
    crash(ada)
    crash(ada, new Error('worse'))
    await settle()
    expect(heard).toEqual([`${ada.name} boom`, `${ada.name} worse`])
    expect(seen).toEqual(['start ada 1', 'stop ada 1 error'])
  })

  test('after an escalation is for the parent, and begins without children', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const start = (name: string) => worker(name, seen)
    const sessions = dynamicSupervisor({ start, decider: () => 'escalate' })
    const top = stage.spawn(supervisor({ children: [{ id: 'sessions', start: sessions }] }))
    const ref = await childRef<Sessions>(top, 'sessions')
    const control = dynamicControl(ref)
    const [a] = [await control.start('a'), await control.start('b')]
    crash((a as { ref: ActorRef<WorkerMessage> }).ref)
    await settle()
    expect(seen).toEqual(['start a 1', 'start b 1', 'stop a 1 error', 'stop b 1 shutdown'])
    expect((await control.count()).all).toBe(0)
    expect(await control.start('c')).toMatchObject({ ok: true })
  })

  test('brings a message that crashed the child again, and parks it after its attempts', async () => {
    await using stage = new Stage()
    const { one } = staged(stage, { restart: 'permanent', redeliver: { attempts: 2 } })
    const ada = await one('ada')
    crash(ada)
    await settle()
    expect(stage.letters).toMatchObject([{ reason: 'parked', error: BOOM, recipient: ada.path }])
  })
})

describe('terminate', () => {
  test('stops one child and forgets it; a second time it is not found', async () => {
    await using stage = new Stage()
    const { control, startAll, seen } = staged(stage)
    const [a] = (await startAll('a', 'b')) as [ActorRef<WorkerMessage>]
    expect(await control.terminate(a)).toEqual({ ok: true })
    expect(seen).toEqual(['start a 1', 'start b 1', 'stop a 1 shutdown'])
    expect(await control.terminate(a)).toEqual({ ok: false, error: 'not-found' })
    expect(await control.count()).toEqual({ all: 1, starting: 0, up: 1, restarting: 0, stopping: 0 })
  })

  test('kills a child that takes longer than shutdownMs, and says so', async () => {
    await using stage = new VirtualStage()
    const { control, one } = staged(stage, { shutdownMs: 30, plans: { a: hangs } })
    const a = await one('a')
    const ended = control.terminate(a)
    await settle()
    expect((await control.count()).stopping).toBe(1)
    stage.clock.advance(30)
    expect(await ended).toEqual({ ok: true })
    expect(stage.logger.lines).toMatchObject([
      { text: `/test/top: child ${a.name} was killed after its 30 ms to stop` },
    ])
  })

  test('asked twice at once stops it once, and both hear of it', async () => {
    await using stage = new Stage()
    const { control, one, seen } = staged(stage)
    const a = await one('a')
    expect(await Promise.all([control.terminate(a), control.terminate(a)])).toEqual([{ ok: true }, { ok: true }])
    expect(seen).toEqual(['start a 1', 'stop a 1 shutdown'])
  })

  test('of a child that still starts ends its start', async () => {
    await using stage = new VirtualStage()
    let ref: ActorRef<never> | null = null
    const top = stage.spawn(
      dynamicSupervisor({
        shutdownMs: 30,
        start: (_: null) =>
          behavior<never, null>({
            initial: context => {
              ref = context.self
              return new Promise(() => undefined)
            },
            receive: state => state,
          }),
      }),
    )
    const control = dynamicControl(top)
    const starting = control.start(null)
    await settle()
    const ended = control.terminate(ref as unknown as ActorRef<never>)
    await settle()
    stage.clock.advance(30)
    expect(await ended).toEqual({ ok: true })
    expect(await starting).toMatchObject({ ok: false, error: 'start-failed', cause: { code: 'ACTOR_STOPPED' } })
    expect(stage.clock.pending).toBe(0)
  })
})

describe('the end of the supervisor', () => {
  test('stops all children at once, under one timer; what is left then is killed', async () => {
    await using stage = new VirtualStage()
    const plans = { a: hangs, b: hangs, d: hangs }
    const { startAll, seen, top } = staged(stage, { shutdownMs: 40, plans })
    await startAll('a', 'b', 'c', 'd')
    const before = stage.clock.pending
    let ended = false
    const stopped = top.stop().then(() => {
      ended = true
    })
    await settle()
    expect(seen.slice(4)).toEqual(['a', 'b', 'c', 'd'].map(name => `stop ${name} 1 shutdown`))
    expect([stage.clock.pending - before, ended]).toEqual([1, false])
    stage.clock.advance(40)
    await stopped
    expect(stage.logger.lines).toMatchObject([{ text: '/test/top: 3 children were killed after their 40 ms to stop' }])
    expect(stage.clock.pending).toBe(0)
  })

  test('fails starts that it has not answered, whoever ends it, and leaves no letter of its own', async () => {
    for (const how of ['stop', 'kill'] as const) {
      await using stage = new VirtualStage()
      const never = behavior<never, null>({ initial: () => new Promise(() => undefined), receive: state => state })
      const top = stage.spawn(dynamicSupervisor({ shutdownMs: 10, start: (_: null) => never }))
      const starting = rejection(dynamicControl(top).start(null))
      await settle()
      if (how === 'kill') top.kill()
      else void top.stop()
      await settle()
      stage.clock.advance(10)
      expect((await starting).code).toBe(how === 'kill' ? 'ACTOR_CRASHED' : 'ACTOR_STOPPED')
      expect([stage.letters, stage.clock.pending]).toEqual([[], 0])
    }
  })

  test("with shutdownMs 'brutal-kill' runs no stop hook", async () => {
    await using stage = new Stage()
    const { startAll, seen, top } = staged(stage, { shutdownMs: 'brutal-kill' })
    await startAll('a', 'b')
    await top.stop()
    expect(seen).toEqual(['start a 1', 'start b 1'])
  })
})

test('100,000 children start, are counted and stop in bounded time', async () => {
  await using stage = new Stage()
  let alive = 0
  const top = stage.spawn(
    dynamicSupervisor({
      start: (n: number) =>
        behavior<never, number>({
          initial: () => {
            alive++
            return n
          },
          receive: state => state,
          onStop: () => {
            alive--
          },
        }),
    }),
  )
  const control = dynamicControl(top)
  const count = 100_000
  const before = performance.now()
  const starts: Promise<unknown>[] = []
  for (let n = 0; n < count; n++) starts.push(control.start(n))
  await Promise.all(starts)
  expect([alive, (await control.count()).up]).toEqual([count, count])
  await top.stop()
  expect(alive).toBe(0)
  expect(performance.now() - before).toBeLessThan(15_000)
})

test('100,000 children that crash at once are restarted in bounded time', async () => {
  await using stage = new Stage({ logger: { log: () => undefined } })
  let starts = 0
  const start = (_: null) =>
    behavior<'crash', null>({
      initial: () => {
        starts++
        return null
      },
      receive: () => {
        throw BOOM
      },
    })
  const top = stage.spawn(dynamicSupervisor({ restart: 'permanent', intensity: 200_000, start }))
  const control = dynamicControl(top)
  const count = 100_000
  const refs = await Promise.all(Array.from({ length: count }, () => control.start(null)))
  const before = performance.now()
  for (const started of refs) if (started.ok) started.ref?.tell('crash')
  while (starts < 2 * count) await settle()
  expect((await control.count()).up).toBe(count)
  expect(performance.now() - before).toBeLessThan(15_000)
})

test('refuses what is no specification', () => {
  for (const spec of [undefined, null, 'sessions'])
    expect(() => dynamicSupervisor(spec as never)).toThrow(`supervisor specification: it must be an object, not`)
})

test.each([
  [{ start: undefined }, 'start must be a function'],
  [{ restart: 'always' }, "restart must be 'permanent', 'transient', 'temporary', not 'always'"],
  [{ shutdownMs: -1 }, "shutdownMs must be ms, 'brutal-kill' or 'infinity', not -1"],
  [{ intensity: -1 }, 'intensity must be a whole number of at least 0, not -1'],
  [{ periodMs: 0 }, 'periodMs must be a number of ms above 0, not 0'],
  [{ backoff: { minMs: 0 } }, 'backoff.minMs must be a number of ms above 0, not 0'],
  [{ redeliver: { attempts: 0 } }, 'redeliver.attempts must be a whole number of at least 1, not 0'],
  [{ maxChildren: 0 }, 'maxChildren must be at least 1, not 0'],
])('refuses a dynamic supervisor with %j', (spec, text) => {
  let refused: unknown = null
  try {
    dynamicSupervisor({ start: () => worker('a', []), ...spec } as never)
  } catch (error) {
    refused = error
  }
  expect(isRuntimeError(refused, 'CHILD_SPEC_INVALID') && refused.message).toContain(text)
})

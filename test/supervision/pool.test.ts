import { describe, expect, test } from 'vitest'
import { type Behavior, become, behavior, stopped } from '../../src/kernel/behavior.ts'
import { type Interceptor, intercept } from '../../src/kernel/intercept.ts'
import { ignore, type ReplyTo, type Signal } from '../../src/kernel/types.ts'
import { type Pool, type PoolOptions, pool } from '../../src/supervision/pool.ts'
import { gate, hold, rejection, Stage, settle, VirtualStage } from '../kernel/support.ts'

interface Job {
  readonly id: number
  readonly key?: string
  /** The worker waits for it. */
  readonly until?: Promise<void>
  readonly crash?: true
  readonly replyTo?: ReplyTo<string>
}

interface Log {
  readonly begun: string[]
  readonly done: number[]
  running: number
  mostRunning: number
}

const newLog = (): Log => ({ begun: [], done: [], running: 0, mostRunning: 0 })

/** Records `worker:job`, and answers with its name. */
const working = (log: Log): Behavior<Job> =>
  behavior<Job, null>({
    initial: () => null,
    receive: (state, job, context) => {
      log.begun.push(`${context.name}:${job.id}`)
      if (job.crash) throw new Error('crash')
      const finish = (): null => {
        log.done.push(job.id)
        job.replyTo?.tell(context.name)
        return state
      }
      if (job.until === undefined) return finish()
      log.mostRunning = Math.max(log.mostRunning, ++log.running)
      return job.until.then(() => {
        log.running--
        return finish()
      })
    },
  })

const poolOf = (stage: Stage, log: Log, options: Partial<PoolOptions<Job>> = {}): Pool<Job> =>
  pool(stage.system, { worker: working(log), size: 2, name: 'pool', ...options })

const ask = (ref: Pool<Job>, job: Job, timeoutMs?: number): Promise<string> =>
  ref.ask<string>(replyTo => ({ ...job, replyTo }), timeoutMs === undefined ? {} : { timeoutMs })

const ids = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index)

describe('a pool', () => {
  test('gives each message to a free worker, one at a time, and keeps the others in order', async () => {
    await using stage = new Stage()
    const log = newLog()
    const workers = poolOf(stage, log, { size: 3 })
    const doors = ids(1, 9).map(() => gate())
    for (const [index, door] of doors.entries()) workers.tell({ id: index + 1, until: door.opened })
    await settle()
    expect([log.begun.length, log.mostRunning, workers.queued]).toEqual([3, 3, 6])
    doors[1]?.open()
    await settle()
    expect(log.begun.map(line => Number(line.split(':')[1]))).toEqual([1, 2, 3, 4])
    for (const door of doors) door.open()
    await settle()
    expect([...log.done].sort((a, b) => a - b)).toEqual(ids(1, 9))
    expect([log.begun.length, log.mostRunning]).toEqual([9, 3])
    expect([workers.queued, stage.letters]).toEqual([0, []])
  })

  test('hands a message to a free worker in the same call', async () => {
    await using stage = new Stage()
    const log = newLog()
    const workers = poolOf(stage, log)
    await settle()
    workers.tell({ id: 1 })
    expect(workers.queued).toBe(0)
    await Promise.resolve()
    expect(log.done).toEqual([1])
  })

  test('gives no second message to a worker that a key has taken, and lists a free worker once', async () => {
    await using stage = new Stage()
    const log = newLog()
    const workers = poolOf(stage, log, { size: 1, keyOf: job => job.key })
    await settle()
    const door = gate()
    workers.tell({ id: 0, key: 'k', until: door.opened })
    workers.tell({ id: 1 })
    expect(workers.queued).toBe(1)
    door.open()
    for (const id of ids(2, 20)) {
      workers.tell({ id, key: 'k' })
      await settle()
    }
    expect(log.done).toEqual([0, ...ids(1, 20)])
    expect((workers as unknown as { free: unknown[] }).free).toHaveLength(1)
  })

  test('takes messages before its workers have started', async () => {
    await using stage = new Stage()
    const log = newLog()
    const door = gate()
    const slow: Behavior<Job> = behavior<Job, null>({
      initial: () => door.opened.then(() => null),
      receive: (state, job) => {
        log.done.push(job.id)
        return state
      },
    })
    const workers = poolOf(stage, log, { worker: slow })
    for (const id of ids(1, 5)) workers.tell({ id })
    await settle()
    expect([workers.queued, log.done]).toEqual([5, []])
    door.open()
    await settle()
    expect(log.done).toEqual(ids(1, 5))
  })

  test('sends a key to one worker, in order and one at a time, and lets the other workers go on', async () => {
    await using stage = new Stage()
    const log = newLog()
    const workers = poolOf(stage, log, { size: 4, keyOf: job => job.key })
    const keys = ids(1, 12).map(id => `key-${id}`)
    const jobs = ids(1, 240).map(id => ({ id, key: keys[id % keys.length] as string }))
    const door = gate()
    const turn = (): Promise<void> => door.opened.then(() => new Promise(resolve => setImmediate(resolve)))
    for (const job of jobs) workers.tell({ ...job, until: turn() })
    await settle()
    expect(log.mostRunning).toBe(4)
    door.open()
    workers.tell({ id: 1_000 })
    await ask(workers, { id: 1_001, key: 'key-1' })
    await workers.drain()
    expect(log.done).toHaveLength(242)
    for (const key of keys) {
      const own = new Set(jobs.filter(job => job.key === key).map(job => job.id))
      const lines = log.begun.map(line => line.split(':')).filter(([, id]) => own.has(Number(id)))
      expect(new Set(lines.map(([worker]) => worker)).size).toBe(1)
      expect(lines.map(([, id]) => Number(id))).toEqual([...own])
      expect(log.done.filter(id => own.has(id))).toEqual([...own])
    }
    expect(new Set(log.begun.map(line => line.split(':')[0])).size).toBe(4)
  })

  test('takes what came first, of a worker’s own keys and of what any may take', async () => {
    await using stage = new Stage()
    const log = newLog()
    const workers = poolOf(stage, log, { size: 1, keyOf: job => job.key })
    const door = gate()
    workers.tell({ id: 1, until: door.opened })
    for (const id of ids(2, 9)) workers.tell(id % 3 === 0 ? { id, key: 'k' } : { id })
    door.open()
    await settle()
    expect(log.done).toEqual(ids(1, 9))
  })

  test('asks a worker; the ask fails when that worker crashes, and queued ones do not', async () => {
    await using stage = new Stage()
    const log = newLog()
    const workers = poolOf(stage, log, { size: 1 })
    const crashed = rejection(ask(workers, { id: 1, crash: true }))
    const next = ask(workers, { id: 2 })
    expect((await crashed).code).toBe('ACTOR_CRASHED')
    expect(await next).toBe('worker-1')
    expect(log.begun).toEqual(['worker-1:1', 'worker-1:2'])
  })

  test('counts the time that an ask waits in the queue', async () => {
    await using stage = new VirtualStage()
    const log = newLog()
    const workers = poolOf(stage, log, { size: 1 })
    const door = gate()
    workers.tell({ id: 1, until: door.opened })
    await settle()
    const late = rejection(ask(workers, { id: 2 }, 100))
    stage.clock.advance(100)
    expect((await late).code).toBe('ASK_TIMEOUT')
    door.open()
    await settle()
    expect(stage.reasons()).toEqual(['late-reply'])
  })

  test('whose `keyOf` throws makes a dead letter and a line in the log, and fails offers and asks', async () => {
    await using stage = new Stage()
    const workers = poolOf(stage, newLog(), {
      keyOf: () => {
        throw new Error('no key')
      },
    })
    workers.tell({ id: 1 })
    expect(stage.reasons()).toEqual(['no-route'])
    expect(stage.logger.lines[0]?.text).toBe('/test/pool: no key for a message')
    for (const promise of [workers.offer({ id: 2 }), ask(workers, { id: 3 })])
      expect((await rejection(promise)).message).toBe('no key')
  })

  test('refuses bounds that are none', async () => {
    await using stage = new Stage()
    for (const wrong of [
      { size: 0 },
      { size: 1.5 },
      { size: 10_001 },
      { ttlMs: 0 },
      { ttlMs: Number.NaN },
      { queue: { capacity: 0 } },
      { queue: { capacity: 1, overflow: 'drop-oldest' as never } },
    ] satisfies Partial<PoolOptions<Job>>[])
      expect(() => poolOf(stage, newLog(), wrong)).toThrow(RangeError)
  })
})

describe('the workers of a pool', () => {
  test('are restarted, and go on with what waits, without the message that one crashed on', async () => {
    await using stage = new Stage()
    const log = newLog()
    const workers = poolOf(stage, log, { keyOf: job => job.key })
    for (const id of ids(1, 8)) workers.tell(id === 3 || id === 6 ? { id, key: 'k', crash: true } : { id, key: 'k' })
    await settle()
    expect(log.done).toEqual([1, 2, 4, 5, 7, 8])
    expect(new Set(log.begun.map(line => line.split(':')[0])).size).toBe(1)
    expect(stage.letters).toEqual([])
  })

  test('may be async and crash, time out, end themselves or become another: none is lost or stuck', async () => {
    await using stage = new VirtualStage()
    const seen: string[] = []
    const other = behavior<string, null>({
      initial: async () => null,
      receive: async (state, message) => {
        seen.push(`other ${message}`)
        return state
      },
    })
    const worker = behavior<string, null>({
      initial: () => null,
      receive: async (state, message) => {
        seen.push(message)
        switch (message) {
          case 'crash':
            throw new Error('crash')
          case 'hang':
            return new Promise<null>(() => undefined)
          case 'end':
            return stopped()
          case 'become':
            return become(other)
          default:
            return state
        }
      },
      handlerTimeoutMs: 100,
    })
    const workers = pool(stage.system, { worker, size: 1, intensity: 9 })
    for (const message of ['a', 'crash', 'b', 'end', 'c', 'hang', 'd', 'become', 'e', 'f']) workers.tell(message)
    await settle()
    await settle()
    expect(seen).toEqual(['a', 'crash', 'b', 'end', 'c', 'hang'])
    stage.clock.advance(100)
    await settle()
    expect(seen.slice(6)).toEqual(['d', 'become', 'other e', 'other f'])
    expect(workers.queued).toBe(0)
  })

  test('take what they tell themselves too, in the order of their mailbox', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const worker = behavior<string, null>({
      initial: () => null,
      receive: (state, message, context) => {
        seen.push(message)
        if (message.length === 1) context.self.tell(`${message} again`)
        return state
      },
    })
    const workers = pool(stage.system, { worker, size: 1 })
    for (const message of ['a', 'b', 'c']) workers.tell(message)
    await settle()
    expect(seen).toEqual(['a', 'a again', 'b', 'b again', 'c', 'c again'])
  })

  test('may set aside, schedule and cancel messages of their own, and are not stuck by it', async () => {
    await using stage = new VirtualStage()
    const seen: string[] = []
    const worker = behavior<string, null>({
      initial: () => null,
      stash: { capacity: 10 },
      receive: (state, message, context) => {
        seen.push(message)
        if (message === 'later') context.stash()
        if (message === 'now') context.unstashAll()
        if (message === 'schedule') context.timers.start('key', 'never', { afterMs: 10 })
        if (message === 'cancel') {
          // It is queued by now, and will not arrive.
          stage.clock.advance(10)
          context.timers.cancel('key')
        }
        return state
      },
    })
    const workers = pool(stage.system, { worker, size: 1 })
    for (const message of ['schedule', 'cancel', 'a', 'later', 'b', 'now', 'c']) workers.tell(message)
    await workers.drain()
    expect(seen).toEqual(['schedule', 'cancel', 'a', 'later', 'b', 'now', 'later', 'c'])
    // Set aside once more, and nobody crashed.
    expect(stage.letters).toMatchObject([{ message: 'later', reason: 'stopped' }])
    expect(stage.logger.lines).toHaveLength(1)
  })

  test('are not stuck by an interceptor that keeps messages, its own or the system’s, also when they become another', async () => {
    const seen: string[] = []
    const keeps =
      (what: string): Interceptor<string> =>
      (state, message, context, next) => {
        seen.push(`${what} ${message}`)
        return message === `kept by ${what}` ? state : next(state, message, context)
      }
    const other = behavior<string, null>({
      initial: () => null,
      receive: (state, message) => {
        seen.push(`other ${message}`)
        return state
      },
    })
    const worker = intercept(
      behavior<string, null>({ initial: () => null, receive: () => become(other) }),
      keeps('own'),
    )
    await using stage = new Stage({ interceptors: [keeps('system') as unknown as Interceptor] })
    const workers = pool(stage.system, { worker, size: 1 })
    for (let round = 0; round < 2; round++)
      for (const what of ['system', 'own']) {
        workers.tell(`kept by ${what}`)
        workers.tell('x')
      }
    await workers.drain()
    const kept = ['system kept by system', 'system x', 'own x']
    const both = ['system kept by own', 'own kept by own', 'system x', 'own x', 'other x']
    expect(seen).toEqual([...kept, ...both, ...kept, 'other x', ...both])
  })

  test('that fail on something else still handle what they were given', async () => {
    await using stage = new Stage()
    const seen: number[] = []
    const worker = behavior<number, null>({
      initial: () => null,
      receive: (state, message, context) => {
        seen.push(message)
        if (message === 1) {
          context.self.tell(1.5)
          context.self.tell(1.75)
        }
        if (message === 1.5) throw new Error('crash')
        return state
      },
    })
    const workers = pool(stage.system, { worker, size: 1 })
    for (const message of [1, 2, Number.NaN, 3]) workers.tell(message)
    await workers.drain()
    expect(seen).toEqual([1, 1.5, 1.75, 2, Number.NaN, 3])
    expect(stage.letters).toEqual([])
  })

  test('are not freed by a handler whose incarnation has ended', async () => {
    await using stage = new VirtualStage()
    const doors = ids(0, 3).map(() => gate())
    const seen: number[] = []
    const worker = behavior<number, null>({
      initial: () => null,
      receive: async (state, message) => {
        seen.push(message)
        await doors[message]?.opened
        return state
      },
      handlerTimeoutMs: 100,
    })
    const workers = pool(stage.system, { worker, size: 1 })
    for (const message of ids(0, 2)) workers.tell(message)
    await settle()
    stage.clock.advance(100)
    await settle()
    expect([seen, workers.queued]).toEqual([[0, 1], 1])
    doors[0]?.open()
    await settle()
    expect([seen, workers.queued]).toEqual([[0, 1], 1])
    doors[1]?.open()
    await settle()
    expect([seen, workers.queued]).toEqual([[0, 1, 2], 0])
    doors[2]?.open()
  })

  test('keep their signals and stop hooks', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const child = behavior<string, null>({ initial: () => null, receive: () => stopped() })
    const worker = behavior<string, null>({
      initial: () => null,
      receive: (state, _message, context) => {
        context.spawn(child).tell('end')
        return state
      },
      onSignal: (state, signal: Signal) => {
        seen.push(signal.type)
        return state
      },
      onStop: () => {
        seen.push('stopped')
      },
    })
    const workers = pool(stage.system, { worker, size: 1 })
    workers.tell('x')
    await settle()
    await workers.stop()
    expect(seen).toEqual(['child-terminated', 'stopped'])
  })

  test('cannot ignore their start', async () => {
    await using stage = new Stage()
    const worker = behavior<string, null>({ initial: () => ignore, receive: state => state })
    const workers = pool(stage.system, { worker, size: 1 })
    workers.tell('x')
    await stage.system.whenTerminated
    await settle()
    expect(stage.reasons()).toEqual(['stopped'])
    expect((await rejection(workers.offer('y'))).code).toBe('ACTOR_STOPPED')
  })

  test('that crash too often end the pool: what waits is dead letters, asks fail, and the system terminates', async () => {
    const stage = new Stage()
    const log = newLog()
    const workers = poolOf(stage, log, { size: 1, intensity: 1 })
    for (const id of ids(1, 2)) workers.tell({ id, crash: true })
    for (const id of ids(3, 4)) workers.tell({ id })
    const asked = rejection(ask(workers, { id: 5 }))
    expect(await stage.system.whenTerminated).toMatchObject({ type: 'shutdown' })
    expect((await asked).code).toBe('ACTOR_STOPPED')
    expect(log.begun).toEqual(['worker-1:1', 'worker-1:2'])
    expect(stage.letters.map(letter => (letter.message as Job).id)).toEqual([3, 4])
    expect(stage.reasons()).toEqual(['stopped', 'stopped'])
  })

  test('may crash once each within the period unless told otherwise', async () => {
    await using stage = new Stage()
    const log = newLog()
    const workers = poolOf(stage, log, { size: 3 })
    for (const id of ids(1, 3)) workers.tell({ id, crash: true })
    workers.tell({ id: 4 })
    await settle()
    expect(log.done).toEqual([4])
  })
})

describe('the queue of a pool', () => {
  /** A pool of two workers that are busy until the door opens. */
  const busyPool = async (stage: Stage, options: Partial<PoolOptions<Job>>) => {
    const log = newLog()
    const door = gate()
    const workers = poolOf(stage, log, { ...options, keyOf: job => job.key })
    await settle()
    for (const id of [1, 2]) workers.tell({ id, until: door.opened })
    await settle()
    return { log, door, workers }
  }

  test('is bounded over all keys: a tell is a dead letter `overflow`, offer and ask fail with MAILBOX_FULL', async () => {
    await using stage = new Stage()
    const { log, door, workers } = await busyPool(stage, { queue: { capacity: 3 } })
    for (const id of [3, 4]) workers.tell({ id, key: `${id}` })
    await workers.offer({ id: 5 })
    workers.tell({ id: 6 })
    expect(stage.letters).toMatchObject([{ message: { id: 6 }, recipient: '/test/pool', reason: 'overflow' }])
    for (const promise of [workers.offer({ id: 7 }), ask(workers, { id: 8 })])
      expect((await rejection(promise)).code).toBe('MAILBOX_FULL')
    door.open()
    await settle()
    expect([...log.done].sort()).toEqual([1, 2, 3, 4, 5])
  })

  test('with backpressure lets offers wait for room, in their order', async () => {
    await using stage = new Stage()
    const { log, door, workers } = await busyPool(stage, { queue: { capacity: 1, overflow: 'backpressure' } })
    const accepted: number[] = []
    const offers = ids(3, 6).map(id => workers.offer({ id }).then(() => accepted.push(id)))
    await settle()
    expect([accepted, workers.queued]).toEqual([[3], 1])
    workers.tell({ id: 7 })
    expect(stage.reasons()).toEqual(['overflow'])
    door.open()
    await Promise.all(offers)
    await settle()
    expect(accepted).toEqual(ids(3, 6))
    expect([...log.done].sort()).toEqual(ids(1, 6))
  })

  test('fails waiting offers at once when the pool stops or drains', async () => {
    await using stage = new Stage()
    for (const end of ['stop', 'drain'] as const) {
      const { door, workers } = await busyPool(stage, { queue: { capacity: 1, overflow: 'backpressure' } })
      workers.tell({ id: 3 })
      const offered = rejection(workers.offer({ id: 4 }))
      const ended = workers[end]()
      expect((await offered).code).toBe('ACTOR_STOPPED')
      door.open()
      await ended
    }
  })

  test('turns away what has waited for its time to live, to the ms, and makes room by it', async () => {
    await using stage = new VirtualStage()
    const { log, door, workers } = await busyPool(stage, {
      queue: { capacity: 3, overflow: 'backpressure' },
      ttlMs: 100,
    })
    workers.tell({ id: 3 })
    stage.clock.advance(50)
    workers.tell({ id: 4, key: 'k' })
    const expired = rejection(ask(workers, { id: 5 }))
    const offered = workers.offer({ id: 6 })
    stage.clock.advance(49)
    expect(stage.letters).toEqual([])
    stage.clock.advance(1)
    await offered
    expect(stage.letters).toMatchObject([{ message: { id: 3 }, recipient: '/test/pool', reason: 'expired' }])
    stage.clock.advance(50)
    const error = await expired
    expect([error.code, error.message]).toEqual([
      'MESSAGE_EXPIRED',
      '/test/pool: no worker took the message within 100 ms',
    ])
    expect(stage.letters.map(letter => (letter.message as Job).id)).toEqual([3, 4])
    door.open()
    await settle()
    expect(log.done).toEqual([1, 2, 6])
    stage.clock.advance(100)
    expect([stage.letters.length, stage.clock.pending]).toEqual([2, 0])
  })

  test('lets a message live for ever once a worker has it', async () => {
    await using stage = new VirtualStage()
    const { log, door, workers } = await busyPool(stage, { ttlMs: 10 })
    stage.clock.advance(1_000)
    door.open()
    await settle()
    expect([log.done, stage.letters, workers.queued]).toEqual([[1, 2], [], 0])
  })
})

describe('the end of a pool', () => {
  test('by `drain` comes after everything that waits, and takes nothing more', async () => {
    await using stage = new Stage()
    const log = newLog()
    const workers = poolOf(stage, log, { keyOf: job => job.key })
    for (const id of ids(1, 20))
      workers.tell({ id, ...(id % 2 === 0 && { key: 'k' }), until: new Promise(resolve => setImmediate(resolve)) })
    const crashed = rejection(ask(workers, { id: 21, crash: true }))
    const drained = workers.drain()
    const again = workers.drain()
    workers.tell({ id: 22 })
    expect((await rejection(workers.offer({ id: 23 }))).code).toBe('ACTOR_STOPPED')
    await Promise.all([drained, again])
    expect([...log.done].sort((a, b) => a - b)).toEqual(ids(1, 20))
    expect((await crashed).code).toBe('ACTOR_CRASHED')
    expect(stage.letters).toMatchObject([{ message: { id: 22 }, reason: 'stopped' }])
  })

  test('by `drain` of a pool with nothing to do comes at once, and a second end resolves too', async () => {
    await using stage = new Stage()
    const workers = poolOf(stage, newLog())
    await settle()
    await workers.drain()
    await Promise.all([workers.drain(), workers.stop()])
    workers.kill()
  })

  test('by `drain` comes after what a worker has been given and not begun', async () => {
    await using stage = new VirtualStage()
    const log = newLog()
    const workers = poolOf(stage, log)
    await settle()
    for (const id of [1, 2]) workers.tell({ id })
    await workers.drain({ shutdownMs: 100 })
    expect([[...log.done].sort(), stage.letters, stage.clock.pending]).toEqual([[1, 2], [], 0])
  })

  test('by `drain` is a kill after its time', async () => {
    await using stage = new VirtualStage()
    const log = newLog()
    const workers = poolOf(stage, log, { size: 1 })
    workers.tell({ id: 1, until: new Promise(() => undefined) })
    workers.tell({ id: 2 })
    await settle()
    const drained = workers.drain({ shutdownMs: 100 })
    stage.clock.advance(100)
    await drained
    expect(stage.letters).toMatchObject([{ message: { id: 2 }, reason: 'stopped' }])
    expect(stage.clock.pending).toBe(0)
  })

  test('by `stop` lets the handlers in flight finish and makes dead letters of what waits', async () => {
    await using stage = new VirtualStage()
    const log = newLog()
    const door = gate()
    const workers = poolOf(stage, log, { ttlMs: 1_000 })
    await settle()
    for (const id of ids(1, 4)) workers.tell({ id, until: door.opened })
    await settle()
    const asked = rejection(ask(workers, { id: 5 }))
    const ended = workers.stop()
    expect(stage.letters.map(letter => [(letter.message as Job).id, letter.reason])).toEqual([
      [3, 'stopped'],
      [4, 'stopped'],
    ])
    expect((await asked).code).toBe('ACTOR_STOPPED')
    door.open()
    await ended
    expect(log.done).toEqual([1, 2])
    expect([workers.queued, stage.clock.pending]).toEqual([0, 0])
  })

  test('tells who watches it, and comes with the end of the system', async () => {
    const stage = new Stage()
    const signals: Signal[] = []
    const workers = poolOf(stage, newLog())
    stage.spawn(
      behavior<never, null>({
        initial: context => {
          context.watch(workers)
          return null
        },
        receive: state => state,
        onSignal: (state, signal) => {
          signals.push(signal)
          return state
        },
      }),
    )
    await settle()
    await workers.stop()
    await settle()
    expect(signals).toMatchObject([{ type: 'terminated', ref: workers, reason: { type: 'shutdown' } }])
    const second = poolOf(stage, newLog())
    await settle()
    await stage.system.terminate()
    await settle()
    second.tell({ id: 1 })
    expect(stage.reasons()).toEqual(['stopped'])
  })

  test('comes with the incarnation of the actor that owns it', async () => {
    await using stage = new Stage()
    const pools: Pool<Job>[] = []
    const log = newLog()
    const owner = behavior<string, null>({
      initial: context => {
        pools.push(pool(context, { worker: working(log), size: 1, name: 'jobs' }))
        return null
      },
      receive: () => {
        throw new Error('crash')
      },
    })
    const { child, holder } = await hold(stage, owner as Behavior<never>, () => true, 'owner')
    expect(pools[0]?.path).toBe(`${holder.path}/owner/jobs`)
    child.tell('crash')
    await settle()
    pools[0]?.tell({ id: 1 })
    pools[1]?.tell({ id: 2 })
    await settle()
    expect([log.done, stage.reasons()]).toEqual([[2], ['stopped']])
  })

  test('cannot be held up by who hears of its dead letters and tells it again', async () => {
    await using stage = new Stage()
    const workers = poolOf(stage, newLog())
    for (const id of ids(1, 5)) workers.tell({ id })
    stage.system.deadLetters.subscribe(letter => workers.tell(letter.message as Job))
    workers.kill()
    expect(stage.system.deadLetters.count).toBe(10)
  })
})

test('an ask of a pool whose time limit is none is refused, and no worker gets its message', async () => {
  await using stage = new Stage()
  const log = newLog()
  const workers = poolOf(stage, log)
  expect(await rejection(ask(workers, { id: 1, crash: true }, Number.NaN))).toBeInstanceOf(RangeError)
  expect(await ask(workers, { id: 2 })).toMatch(/^worker-/)
  expect(log.done).toEqual([2])
  expect(log.begun).toHaveLength(1)
})

import {
  type ActorRef,
  type Behavior,
  behavior,
  childRef,
  type Decider,
  type Directive,
  eventSourced,
  type ReplyTo,
  type SupervisorMessage,
  silentLogger,
  supervisor,
  supervisorControl,
  systemPorts,
} from 'troupe'
import { describe, expect, test } from 'vitest'
import { Command } from '../../src/persistence/command.ts'
import { eventSourcedBehavior } from '../../src/persistence/event-sourced-actor.ts'
import { EventStore } from '../../src/persistence/event-store.ts'
import { memoryJournal } from '../../src/persistence/memory-journal.ts'
import { FaultyJournal } from '../../src/testkit/faults/faulty-journal.ts'
import { rejection, Stage, settle, VirtualStage } from '../kernel/support.ts'
import { BOOM, chain, crash, type WorkerMessage, worker } from './support.ts'

class Transient extends Error {}
class Hopeless extends Error {}

type TallyMessage =
  | { readonly type: 'add'; readonly by: number }
  | { readonly type: 'total'; readonly replyTo: ReplyTo<number> }
  /** Takes the ask, and answers it only at the next `total`. */
  | { readonly type: 'later'; readonly replyTo: ReplyTo<number> }
  | { readonly type: 'fail'; readonly how: 'throw' | 'reject'; readonly error: Error }
  | { readonly type: 'failing ask'; readonly how: 'throw' | 'reject'; readonly replyTo: ReplyTo<number> }

/** A sum, with what its life was. */
const tally = (seen: string[]): Behavior<TallyMessage> => {
  let later: ReplyTo<number> | null = null
  return behavior<TallyMessage, number>({
    initial: context => {
      seen.push('start')
      context.signal.addEventListener('abort', () => seen.push('abort'))
      return 0
    },
    receive: (sum, message) => {
      switch (message.type) {
        case 'add':
          return sum + message.by
        case 'total':
          later?.tell(-sum)
          message.replyTo.tell(sum)
          return sum
        case 'later':
          later = message.replyTo
          return sum
        case 'fail':
          if (message.how === 'throw') throw message.error
          return settle().then(() => Promise.reject(message.error))
        case 'failing ask':
          if (message.how === 'throw') throw BOOM
          return settle().then(() => Promise.reject(BOOM))
      }
    },
    onStop: () => {
      seen.push('stop')
    },
  })
}

const always =
  (directive: Directive): Decider =>
  () =>
    directive

describe('resume', () => {
  const staged = async (decider: Decider = always('resume')) => {
    const stage = new Stage()
    const seen: string[] = []
    const top = stage.spawn(supervisor({ intensity: 0, decider, children: [{ id: 'a', start: tally(seen) }] }))
    const ref = await childRef<TallyMessage>(top, 'a')
    const total = (): Promise<number> => ref.ask<number>(replyTo => ({ type: 'total', replyTo }))
    return { stage, seen, top, ref, total }
  }

  for (const how of ['throw', 'reject'] as const) {
    test(`keeps the actor's state and goes on with the next message after a ${how}: no hook runs, nothing is counted`, async () => {
      const { stage, seen, ref, total } = await staged()
      ref.tell({ type: 'add', by: 2 })
      for (let n = 0; n < 5; n++) ref.tell({ type: 'fail', how, error: BOOM })
      ref.tell({ type: 'add', by: 3 })
      expect(await total()).toBe(5)
      expect(seen).toEqual(['start'])
      await stage[Symbol.asyncDispose]()
    })

    test(`fails the ask of the message that failed with a ${how}, and no other`, async () => {
      const { stage, ref, total } = await staged()
      const open = ref.ask<number>(replyTo => ({ type: 'later', replyTo }))
      ref.tell({ type: 'add', by: 2 })
      const failed = ref.ask<number>(replyTo => ({ type: 'failing ask', how, replyTo }))
      expect(await rejection(failed)).toMatchObject({ code: 'ACTOR_CRASHED', cause: BOOM })
      expect(await total()).toBe(2)
      expect(await open).toBe(-2)
      await stage[Symbol.asyncDispose]()
    })

    test(`leaves an ask open that was taken before a told message failed with a ${how}`, async () => {
      const { stage, ref, total } = await staged()
      const open = ref.ask<number>(replyTo => ({ type: 'later', replyTo }))
      ref.tell({ type: 'fail', how, error: BOOM })
      await total()
      expect(await open).toBe(-0)
      await stage[Symbol.asyncDispose]()
    })
  }

  test('says each time that the child goes on, with the error', async () => {
    const { stage, ref, total } = await staged()
    ref.tell({ type: 'fail', how: 'throw', error: BOOM })
    await total()
    expect(stage.logger.lines).toEqual([
      { level: 'warn', text: '/test/$1: child a goes on after a message failed', fields: { child: 'a', error: BOOM } },
    ])
    await stage[Symbol.asyncDispose]()
  })

  test('keeps one handler at a time, in order, while async handlers fail', async () => {
    await using stage = new Stage()
    let running = 0
    const log: string[] = []
    const start = behavior<number, null>({
      initial: () => null,
      receive: async (state, n) => {
        expect(++running).toBe(1)
        await settle()
        running--
        log.push(`${n}`)
        if (n % 2 === 0) throw BOOM
        return state
      },
    })
    const top = stage.spawn(supervisor({ decider: always('resume'), children: [{ id: 'a', start }] }))
    const ref = await childRef<number>(top, 'a')
    for (let n = 0; n < 10; n++) ref.tell(n)
    while (log.length < 10) await settle()
    expect(log).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
  })

  test('counts for the receive timeout as a message handled', async () => {
    await using stage = new VirtualStage()
    const seen: string[] = []
    const start = behavior<string, null>({
      initial: context => {
        context.setReceiveTimeout(100, 'quiet')
        return null
      },
      receive: async (state, message) => {
        seen.push(message)
        if (message === 'fail') {
          await new Promise<void>(resolve => stage.clock.after(90, resolve))
          throw BOOM
        }
        return state
      },
    })
    const top = stage.spawn(supervisor({ decider: always('resume'), children: [{ id: 'a', start }] }))
    ;(await childRef<string>(top, 'a')).tell('fail')
    await settle()
    for (const [ms, expected] of [
      [90, ['fail']],
      [99, ['fail']],
      [1, ['fail', 'quiet']],
    ] as const) {
      stage.clock.advance(ms)
      await settle()
      expect(seen).toEqual(expected)
    }
  })

  test('is a restart after a handler timeout, since the handler still runs', async () => {
    await using stage = new VirtualStage()
    const seen: string[] = []
    const start = worker('a', seen, { handlerTimeoutMs: 10 })
    const top = stage.spawn(supervisor({ decider: always('resume'), children: [{ id: 'a', start }] }))
    ;(await childRef<WorkerMessage>(top, 'a')).tell({ type: 'hang' })
    await settle()
    stage.clock.advance(10)
    await settle()
    expect(seen).toEqual(['start a 1', 'stop a 1 error', 'start a 2'])
  })

  test('is a restart for a supervisor that failed', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const inner = supervisor({ decider: always('escalate'), children: [{ id: 'a', start: worker('a', seen) }] })
    const top = stage.spawn(supervisor({ decider: always('resume'), children: [{ id: 'inner', start: inner }] }))
    crash(await childRef<WorkerMessage>(await childRef<SupervisorMessage>(top, 'inner'), 'a'))
    await settle()
    expect(seen).toEqual(['start a 1', 'stop a 1 error', 'start a 2'])
  })

  test('is a restart for an event-sourced actor whose write failed: its state is recovered from the log', async () => {
    await using stage = new Stage()
    const journal = new FaultyJournal(memoryJournal())
    const store = await EventStore.open(journal, { ...systemPorts, logger: silentLogger })
    const counter = eventSourced<number, { readonly type: 'added'; readonly by: number }, number, number>({
      name: 'counter',
      initial: () => 0,
      decide: (sum, by) => (by === 0 ? { reply: sum } : { events: [{ type: 'added', by }], reply: sum + by }),
      evolve: (sum, { by }) => sum + by,
    })
    const top = stage.spawn(
      supervisor({
        decider: always('resume'),
        children: [{ id: 'a', start: eventSourcedBehavior(store, counter) }],
      }),
    )
    const ref = await childRef<Command<number>>(top, 'a')
    const add = (by: number): Promise<number> =>
      ref.ask<number>(replyTo => new Command(by, replyTo as never, null, null, null))
    expect(await add(1)).toBe(1)
    journal.plan = operation => (operation === 'commit' ? { fail: 'before' } : null)
    expect((await rejection(add(2))).code).toBe('WRITE_UNCERTAIN')
    journal.plan = () => null
    expect(await add(0)).toBe(1)
  })
})

test('a child that goes on after every message has its turn as any other, and no more', async () => {
  await using stage = new Stage()
  const turns: string[] = []
  const failing = behavior<number, null>({
    initial: () => null,
    receive: () => {
      turns.push('failing')
      throw BOOM
    },
  })
  const other = behavior<number, null>({
    initial: () => null,
    receive: state => {
      turns.push('other')
      return state
    },
  })
  const top = stage.spawn(
    supervisor({
      decider: always('resume'),
      children: [
        { id: 'failing', start: failing },
        { id: 'other', start: other },
      ],
    }),
  )
  const [a, b] = [await childRef<number>(top, 'failing'), await childRef<number>(top, 'other')]
  for (let i = 0; i < 1_000; i++) a.tell(i)
  for (let i = 0; i < 100; i++) b.tell(i)
  while (turns.length < 1_100) await settle()
  // A turn has up to 32 messages; of each that failed, a turn more would put a thousand before the next of the other.
  const gaps = turns.slice(0, turns.lastIndexOf('other')).join(' ').split('other')
  expect(Math.max(...gaps.map(gap => gap.split('failing').length - 1))).toBeLessThanOrEqual(64)
})

describe('stop', () => {
  test('leaves the child down, without a restart, and its mailbox to the dead letters', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const top = stage.spawn(
      supervisor({ decider: always('stop'), children: ['a', 'b'].map(id => ({ id, start: worker(id, seen) })) }),
    )
    const a = await childRef<WorkerMessage>(top, 'a')
    crash(a)
    a.tell({ type: 'note', text: 'left' })
    await settle()
    expect(await supervisorControl(top).whichChildren()).toMatchObject([
      { id: 'a', status: 'down' },
      { id: 'b', status: 'up' },
    ])
    expect([seen, stage.reasons()]).toEqual([['start a 1', 'start b 1', 'stop a 1 error'], ['stopped']])
  })

  test('of a significant child ends the supervisor with the error as cause', async () => {
    await using stage = new Stage()
    const top = stage.spawn(
      supervisor({
        autoShutdown: 'any-significant',
        decider: always('stop'),
        children: [{ id: 'a', start: worker('a', []), restart: 'transient', significant: true }],
      }),
    )
    crash(await childRef<WorkerMessage>(top, 'a'))
    expect(await stage.system.whenTerminated).toEqual({ type: 'shutdown', cause: BOOM })
  })

  test('counts for that crash only: a child that is started by hand comes back as its restart type says', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const top = stage.spawn(supervisor({ decider: always('stop'), children: [{ id: 'a', start: worker('a', seen) }] }))
    crash(await childRef<WorkerMessage>(top, 'a'))
    await settle()
    await supervisorControl(top).restartChild('a')
    const again = await childRef<WorkerMessage>(top, 'a')
    again.tell({ type: 'end', reason: { type: 'normal' } })
    await settle()
    expect(seen).toEqual(['start a 1', 'stop a 1 error', 'start a 2', 'stop a 2 normal', 'start a 3'])
  })
})

describe('escalate', () => {
  test('fails the supervisor, whose own supervisor decides: children stop in reverse order, and the error is the cause', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const heard: Error[] = []
    const inner = supervisor({
      decider: always('escalate'),
      children: ['a', 'b'].map(id => ({ id, start: worker(id, seen) })),
    })
    const outer = supervisor({
      decider: (error, id) => {
        heard.push(error)
        return id === 'inner' ? 'restart' : 'stop'
      },
      children: [{ id: 'inner', start: inner }],
    })
    const top = stage.spawn(outer, 'top')
    crash(await childRef<WorkerMessage>(await childRef<SupervisorMessage>(top, 'inner'), 'a'))
    await settle()
    expect(seen).toEqual(['start a 1', 'start b 1', 'stop a 1 error', 'stop b 1 shutdown', 'start a 2', 'start b 2'])
    expect(heard).toMatchObject([
      { code: 'SUPERVISION_ESCALATED', message: '/test/top/inner escalates the failure of child a', cause: BOOM },
    ])
  })

  test('from the top ends the system with the whole chain', async () => {
    await using stage = new Stage()
    const inner = supervisor({ decider: always('escalate'), children: [{ id: 'a', start: worker('a', []) }] })
    const top = stage.spawn(supervisor({ decider: always('escalate'), children: [{ id: 'inner', start: inner }] }))
    crash(await childRef<WorkerMessage>(await childRef<SupervisorMessage>(top, 'inner'), 'a'))
    expect(chain(await stage.system.whenTerminated)).toEqual(['SUPERVISION_ESCALATED', 'SUPERVISION_ESCALATED', 'boom'])
  })
})

test('decides by the class of the error, once for each crash', async () => {
  await using stage = new Stage()
  const seen: string[] = []
  const asked: string[] = []
  const decider: Decider = (error, id) => {
    asked.push(`${id} ${error.message}`)
    return error instanceof Transient ? 'resume' : error instanceof Hopeless ? 'stop' : 'restart'
  }
  const top = stage.spawn(supervisor({ intensity: 5, decider, children: [{ id: 'a', start: worker('a', seen) }] }))
  const a = await childRef<WorkerMessage>(top, 'a')
  for (const error of [new Transient('hiccup'), new Error('broken'), new Hopeless('gone')]) {
    crash(a, error)
    await settle()
  }
  expect(asked).toEqual(['a hiccup', 'a broken', 'a gone'])
  expect(seen).toEqual(['start a 1', 'stop a 1 error', 'start a 2', 'stop a 2 error'])
})

test("a child's own decider comes before the supervisor's", async () => {
  await using stage = new Stage()
  const seen: string[] = []
  const top = stage.spawn(
    supervisor({
      decider: always('stop'),
      children: [
        { id: 'a', start: worker('a', seen), decider: always('restart') },
        { id: 'b', start: worker('b', seen) },
      ],
    }),
  )
  for (const id of ['a', 'b']) crash(await childRef<WorkerMessage>(top, id))
  await settle()
  expect(seen.slice(2)).toEqual(['stop a 1 error', 'stop b 1 error', 'start a 2'])
})

test("'restart' does as the child's restart type says", async () => {
  await using stage = new Stage()
  const seen: string[] = []
  const children = [{ id: 'a', start: worker('a', seen), restart: 'temporary' }] as const
  const top = stage.spawn(supervisor({ decider: always('restart'), children }))
  crash(await childRef<WorkerMessage>(top, 'a'))
  await settle()
  expect([seen, await supervisorControl(top).whichChildren()]).toEqual([['start a 1', 'stop a 1 error'], []])
})

test('a kill, an orderly end and an end with an error ask no decider', async () => {
  await using stage = new Stage()
  const seen: string[] = []
  const top = stage.spawn(
    supervisor({ intensity: 9, decider: always('stop'), children: [{ id: 'a', start: worker('a', seen) }] }),
  )
  const a = await childRef<WorkerMessage>(top, 'a')
  a.kill()
  await settle()
  a.tell({ type: 'end', reason: { type: 'normal' } })
  await settle()
  expect(seen).toEqual(['start a 1', 'start a 2', 'stop a 2 normal', 'start a 3'])
  a.tell({ type: 'end', reason: { type: 'error', error: BOOM } })
  await settle()
  expect(seen.slice(4)).toEqual(['stop a 3 error', 'start a 4'])
})

describe('a restart that failed asks the decider', () => {
  const run = async (directive: Directive) => {
    const stage = new Stage()
    const seen: string[] = []
    const fails = worker('a', seen, { starts: ['ok', new Hopeless('no start'), 'ok'] })
    const top = stage.spawn(
      supervisor({
        strategy: 'rest-for-one',
        intensity: 5,
        decider: error => (error instanceof Hopeless ? directive : 'restart'),
        children: [
          { id: 'a', start: fails },
          { id: 'b', start: worker('b', seen) },
        ],
      }),
    )
    crash(await childRef<WorkerMessage>(top, 'a'))
    await settle()
    return { stage, seen: seen.slice(4), top }
  }

  test('stop leaves that child down and starts the others', async () => {
    const { stage, seen, top } = await run('stop')
    expect(seen).toEqual(['fail a 2', 'start b 2'])
    expect(await supervisorControl(top).whichChildren()).toMatchObject([{ status: 'down' }, { status: 'up' }])
    await stage[Symbol.asyncDispose]()
  })

  test('stop says which child stays down, and why', async () => {
    const { stage } = await run('stop')
    expect(stage.logger.lines.at(-1)).toMatchObject({
      level: 'warn',
      text: '/test/$1: child a is not restarted',
      fields: { child: 'a', error: { message: 'no start' } },
    })
    await stage[Symbol.asyncDispose]()
  })

  test('stop of a significant child ends the supervisor with the error of the start, and starts nobody else', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const fails = worker('a', seen, { starts: ['ok', new Hopeless('no start')] })
    const top = stage.spawn(
      supervisor({
        strategy: 'rest-for-one',
        intensity: 5,
        autoShutdown: 'any-significant',
        decider: error => (error instanceof Hopeless ? 'stop' : 'restart'),
        children: [
          { id: 'a', start: fails, restart: 'transient', significant: true },
          { id: 'b', start: worker('b', seen) },
        ],
      }),
    )
    crash(await childRef<WorkerMessage>(top, 'a'))
    expect(chain(await stage.system.whenTerminated)).toEqual(['no start'])
    expect(seen).toEqual(['start a 1', 'start b 1', 'stop a 1 error', 'stop b 1 shutdown', 'fail a 2'])
  })

  test('restart and resume try again', async () => {
    for (const directive of ['restart', 'resume'] as const) {
      const { stage, seen } = await run(directive)
      expect(seen).toEqual(['fail a 2', 'start a 3', 'start b 2'])
      await stage[Symbol.asyncDispose]()
    }
  })

  test('escalate fails the supervisor', async () => {
    const { stage } = await run('escalate')
    expect(chain(await stage.system.whenTerminated)).toEqual(['SUPERVISION_ESCALATED', 'no start'])
    await stage[Symbol.asyncDispose]()
  })
})

describe('a decider that is wrong fails its supervisor', () => {
  const outcome = async (decider: unknown) => {
    await using stage = new Stage()
    const top = stage.spawn(
      supervisor({ decider: decider as Decider, children: [{ id: 'a', start: worker('a', []) }] }),
      'top',
    )
    crash(await childRef<WorkerMessage>(top, 'a'))
    const reason = await stage.system.whenTerminated
    return [reason.type, (reason as { error: Error }).error.message, chain(reason)]
  }

  test('when it throws: the cause is what it threw', async () => {
    const throws = (): never => {
      throw new Error('a bug')
    }
    expect(await outcome(throws)).toEqual([
      'error',
      '/test/top: the decider for child a threw over its failure (boom)',
      ['SUPERVISION_FAILED', 'a bug'],
    ])
  })

  test('when it answers a promise, whatever becomes of that, or no directive', async () => {
    for (const [answer, what] of [
      [() => Promise.reject(new Error('late')), 'a promise'],
      [() => new Promise(() => undefined), 'a promise'],
      [() => ({ then: () => undefined }), 'a promise'],
      [() => 'reboot', '"reboot"'],
      [() => undefined, 'undefined'],
    ] as const)
      expect(await outcome(answer)).toEqual([
        'error',
        `/test/top: the decider for child a answered ${what}, which is no directive, about its failure (boom)`,
        ['SUPERVISION_FAILED', 'boom'],
      ])
  })

  test('and its parent supervisor decides, as about any failure', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const inner = supervisor({
      decider: () => {
        throw new Error('a bug')
      },
      children: [{ id: 'a', start: worker('a', seen) }],
    })
    const top = stage.spawn(supervisor({ children: [{ id: 'inner', start: inner }] }))
    crash(await childRef<WorkerMessage>(await childRef<SupervisorMessage>(top, 'inner'), 'a'))
    await settle()
    expect(seen).toEqual(['start a 1', 'stop a 1 error', 'start a 2'])
  })
})

test('a decider may end the child that it is asked about', async () => {
  await using stage = new Stage()
  const seen: string[] = []
  let ref: ActorRef<WorkerMessage> | null = null
  const decider: Decider = () => {
    ref?.kill()
    return 'resume'
  }
  const top = stage.spawn(supervisor({ decider, children: [{ id: 'a', start: worker('a', seen) }] }))
  ref = await childRef<WorkerMessage>(top, 'a')
  crash(ref)
  expect(await ref.ask<string>(replyTo => ({ type: 'echo', text: 'back', replyTo }))).toBe('back')
  expect(seen).toEqual(['start a 1', 'start a 2'])
})

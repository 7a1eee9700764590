// What goes wrong in other actor kernels: seen there where it can run here (nact 7.6.2, XState 5), and the same program
// on this one. When the test of another fails it has been mended: then its line goes, and ours stays.

import { execFileSync } from 'node:child_process'
import * as nact from 'nact'
import {
  type ActorRef,
  behavior,
  childRef,
  type ReplyTo,
  type SupervisorMessage,
  type SupervisorSpec,
  supervisor,
} from 'troupe'
import { describe, expect, test } from 'vitest'
import { createActor, fromTransition } from 'xstate'
import { rejection, Stage, settle, sleep } from './support.ts'

/** How many handlers of one actor ran at once, at most. */
class Overlap {
  most = 0
  private running = 0
  readonly handle = async (): Promise<void> => {
    this.running++
    this.most = Math.max(this.most, this.running)
    await sleep(40)
    this.running--
  }
}

const until = async (isSo: () => boolean): Promise<void> => {
  for (let looks = 0; !isSo() && looks < 2_000; looks++) await sleep(1)
  expect(isSo()).toBe(true)
}

let systems = 0
const withNact = async (run: (system: nact.ActorSystemRef) => Promise<void>): Promise<void> => {
  const system = nact.start({ name: `unlike-others-${systems++}` } as never) as nact.ActorSystemRef
  try {
    await run(system)
  } finally {
    nact.stop(system)
  }
}

type Word = 'work' | 'crash'

const crashing = (work: () => void = () => undefined) =>
  behavior<Word, null>({
    initial: () => null,
    receive: (state, word) => {
      if (word === 'crash') throw new Error('crash')
      work()
      return state
    },
  })

const supervise = (stage: Stage, spec: SupervisorSpec): ActorRef<SupervisorMessage> =>
  stage.spawn(supervisor(spec) as never, 'supervisor')

const throws = (): never => {
  throw new Error('crash')
}

describe('a restart of all siblings while one of them handles a message', () => {
  test('nact: `resetAll` has it handle two at once', () =>
    withNact(async system => {
      const overlap = new Overlap()
      const parent = nact.spawn(system, (state: unknown) => state, 'parent')
      const busy = nact.spawn(parent, overlap.handle, 'busy')
      const failing = nact.spawn(parent, throws, 'failing', { onCrash: (_m, _e, context) => context.resetAll })
      for (let i = 0; i < 3; i++) nact.dispatch(busy, { i } as never)
      await until(() => overlap.most === 1)
      nact.dispatch(failing, {} as never)
      await until(() => overlap.most === 2)
    }))

  test('here: it handles one at a time, and none of its messages is lost', async () => {
    await using stage = new Stage()
    const overlap = new Overlap()
    let handled = 0
    const busy = behavior<Word, null>({
      initial: () => null,
      receive: async state => {
        await overlap.handle()
        handled++
        return state
      },
    })
    const root = supervise(stage, {
      strategy: 'one-for-all',
      children: [
        { id: 'busy', start: busy },
        { id: 'failing', start: crashing() },
      ],
    })
    const ref = await childRef<Word>(root, 'busy')
    for (let i = 0; i < 3; i++) ref.tell('work')
    await settle()
    ;(await childRef<Word>(root, 'failing')).tell('crash')
    await until(() => handled === 3)
    expect(overlap.most).toBe(1)
  })
})

describe('a child that fails while its parent handles a message', () => {
  test('nact: `escalate` answered with `resume` has the parent handle two at once, and the child never works again', () =>
    withNact(async system => {
      const overlap = new Overlap()
      const parent = nact.spawn(system, overlap.handle, 'parent', { onCrash: (_m, _e, context) => context.resume })
      let taken = 0
      const fail = (): void => {
        if (++taken === 1) throw new Error('crash')
      }
      const child = nact.spawn(parent, fail, 'child', { onCrash: (_m, _e, context) => context.escalate })
      for (let i = 0; i < 3; i++) nact.dispatch(parent, { i } as never)
      await until(() => overlap.most === 1)
      nact.dispatch(child, {} as never)
      await until(() => overlap.most === 2)
      for (let i = 0; i < 3; i++) nact.dispatch(child, { i } as never)
      await sleep(30)
      expect(taken).toBe(1)
    }))

  test('here: the parent hears of it once its handler is done', async () => {
    await using stage = new Stage()
    const overlap = new Overlap()
    const seen: string[] = []
    const parent = stage.spawn(
      behavior<ReplyTo<ActorRef<Word>>, ActorRef<Word>>({
        initial: context => context.spawn(crashing()),
        receive: async (child, replyTo) => {
          replyTo.tell(child)
          await overlap.handle()
          seen.push('handled')
          return child
        },
        onSignal: (child, { type }) => {
          seen.push(type)
          return child
        },
      }),
    )
    const asked = [1, 2].map(() => parent.ask<ActorRef<Word>>(replyTo => replyTo))
    ;(await (asked[0] as Promise<ActorRef<Word>>)).tell('crash')
    await until(() => seen.length === 3)
    expect(seen).toEqual(['handled', 'child-terminated', 'handled'])
    expect(overlap.most).toBe(1)
  })

  test('here: a child whose supervisor gave up works again under the next one', async () => {
    await using stage = new Stage()
    let worked = 0
    const inner = supervisor({
      intensity: 0,
      children: [{ id: 'failing', start: crashing(() => worked++) }],
    })
    const root = supervise(stage, { children: [{ id: 'inner', start: inner }] })
    const failing = async (): Promise<ActorRef<Word>> => {
      const ref = await childRef<SupervisorMessage>(root, 'inner')
      return childRef<Word>(ref, 'failing')
    }
    ;(await failing()).tell('crash')
    await settle()
    ;(await failing()).tell('work')
    await settle()
    expect(worked).toBe(1)
  })
})

describe('a stop', () => {
  test('nact: its hook runs before the handler in flight ends, and mail vanishes', () =>
    withNact(async system => {
      const seen: string[] = []
      const work = async (): Promise<void> => {
        seen.push('begun')
        await sleep(40)
        seen.push('handled')
      }
      const options = { afterStop: () => void seen.push('stopped') }
      const actor = nact.spawn(system, work, 'actor', options as never)
      for (let i = 0; i < 3; i++) nact.dispatch(actor, { i } as never)
      await until(() => seen.length === 1)
      nact.stop(actor)
      await until(() => seen.length === 3)
      await sleep(60)
      expect(seen).toEqual(['begun', 'stopped', 'handled'])
    }))

  test('here: the handler ends first, and mail is a dead letter each', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const actor = stage.spawn(
      behavior<number, null>({
        initial: () => null,
        receive: async state => {
          await sleep(15)
          seen.push('handled')
          return state
        },
        onStop: () => void seen.push('stopped'),
      }),
    )
    for (let i = 0; i < 3; i++) actor.tell(i)
    await settle()
    await actor.stop()
    expect(seen).toEqual(['handled', 'stopped'])
    expect(stage.letters.map(({ message, reason }) => [message, reason])).toEqual([
      [1, 'stopped'],
      [2, 'stopped'],
    ])
  })
})

describe('an ask that nobody will answer, since its actor stops', () => {
  test('nact: waits out its timeout', () =>
    withNact(async system => {
      const actor = nact.spawn(system, () => sleep(5), 'actor')
      const asked = rejection(nact.query(actor, () => ({}) as never, 100 as never) as Promise<unknown>)
      const startedMs = performance.now()
      nact.stop(actor)
      expect((await asked).message).toBe('Query Timeout')
      expect(performance.now() - startedMs).toBeGreaterThan(90)
    }))

  test('here: fails at once, queued or asked later', async () => {
    await using stage = new Stage()
    const actor = stage.spawn(
      behavior<ReplyTo<number>, null>({ initial: () => null, receive: state => sleep(5).then(() => state) }),
    )
    const asked = [1, 2].map(() => rejection(actor.ask<number>(replyTo => replyTo, { timeoutMs: 60_000 })))
    await settle()
    await actor.stop()
    asked.push(rejection(actor.ask<number>(replyTo => replyTo)))
    for (const failed of asked) expect(await failed).toMatchObject({ code: 'ACTOR_STOPPED' })
  })
})

describe('a hook that throws after a crash', () => {
  test('nact: ends the process', () => {
    const program = `
      import { dispatch, spawn, start } from 'nact'
      const fail = () => { throw new Error('crash') }
      dispatch(spawn(start(), fail, 'actor', { onCrash: fail }), {})
      setTimeout(() => console.log('alive'), 50)`
    const run = (): string =>
      execFileSync(process.execPath, ['--input-type=module', '-e', program], { stdio: 'pipe' }).toString()
    expect(run).toThrow('crash')
  })

  test('here: is logged, and its supervisor starts the actor again', async () => {
    await using stage = new Stage()
    let worked = 0
    const failing = behavior<Word, null>({
      initial: () => null,
      receive: (state, word) => {
        if (word === 'crash') throw new Error('crash')
        worked++
        return state
      },
      onStop: throws,
    })
    const ref = await childRef<Word>(supervise(stage, { children: [{ id: 'failing', start: failing }] }), 'failing')
    ref.tell('crash')
    ref.tell('work')
    await until(() => worked === 1)
    expect(stage.logger.lines.map(({ text }) => text)).toContain('/test/supervisor/failing: stop hook failed')
  })
})

describe('an actor that always crashes', () => {
  test('nact: is begun anew without end', () =>
    withNact(async system => {
      let crashes = 0
      const fail = (): never => {
        crashes++
        throw new Error('crash')
      }
      const actor = nact.spawn(system, fail, 'actor', { onCrash: (_m, _e, context) => context.reset })
      for (let i = 0; i < 200; i++) nact.dispatch(actor, { i } as never)
      await until(() => crashes === 200)
    }))

  test('here: is given up after `intensity` restarts', async () => {
    await using stage = new Stage()
    let starts = 0
    const failing = behavior<Word, null>({
      initial: () => {
        starts++
        return null
      },
      receive: throws,
    })
    const root = supervise(stage, { intensity: 3, children: [{ id: 'failing', start: failing }] })
    const ref = await childRef<Word>(root, 'failing')
    for (let i = 0; i < 200; i++) ref.tell('crash')
    await stage.system.whenTerminated
    expect(starts).toBe(4)
    expect(stage.letters).toHaveLength(196)
  })
})

describe('one thrown error', () => {
  test('XState: is the end of the actor', async () => {
    let handled = 0
    const actor = createActor(
      fromTransition((state: null, event: { type: string }) => {
        if (event.type === 'crash') throw new Error('crash')
        handled++
        return state
      }, null),
    )
    actor.subscribe({ error: () => undefined })
    actor.start()
    actor.send({ type: 'crash' })
    actor.send({ type: 'work' })
    expect(actor.getSnapshot().status).toBe('error')
    expect(handled).toBe(0)
  })

  test('here: costs the message that threw it, where a supervisor restarts the actor', async () => {
    await using stage = new Stage()
    let handled = 0
    const root = supervise(stage, { children: [{ id: 'failing', start: crashing(() => handled++) }] })
    const ref = await childRef<Word>(root, 'failing')
    ref.tell('crash')
    ref.tell('work')
    await until(() => handled === 1)
  })
})

describe('a send', () => {
  test('XState: runs the receiver on the sender’s stack', () => {
    const seen: string[] = []
    const actor = createActor(
      fromTransition((state: null) => {
        seen.push('handled')
        return state
      }, null),
    ).start()
    actor.send({ type: 'work' })
    seen.push('sent')
    expect(seen).toEqual(['handled', 'sent'])
  })

  test('here: comes back before the receiver runs, so that two that tell each other need no stack', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const actor = stage.spawn(crashing(() => seen.push('handled')))
    await settle()
    actor.tell('work')
    seen.push('sent')
    await settle()
    expect(seen).toEqual(['sent', 'handled'])
  })
})

// DomoActors and actor-ts: what was seen there, as a program on this kernel.

test('a bounded mailbox that is full and asynchronous lets one handler run at a time', async () => {
  await using stage = new Stage()
  const overlap = new Overlap()
  for (const overflow of ['reject', 'drop-newest', 'drop-oldest', 'backpressure'] as const) {
    let handled = 0
    const actor = stage.spawn(
      behavior<number, null>({
        mailbox: { capacity: 2, overflow },
        initial: () => null,
        receive: async state => {
          await overlap.handle()
          handled++
          return state
        },
      }),
    )
    for (let i = 0; i < 6; i++) actor.offer(i).catch(() => undefined)
    await until(() => handled >= 2)
    await actor.stop({ shutdownMs: 'brutal-kill' })
  }
  expect(overlap.most).toBe(1)
})

test('a mailbox that is 40,000 deep costs a message about what a short one does', async () => {
  await using stage = new Stage()
  let emptied = (): void => undefined
  const actor = stage.spawn(
    behavior<'one' | 'last', null>({
      initial: () => null,
      receive: (state, message) => {
        if (message === 'last') emptied()
        return state
      },
    }),
  )
  /** What this process spends on 40,000 messages, at best. Units: µs. */
  const costAt = async (depth: number): Promise<number> => {
    let best = Number.POSITIVE_INFINITY
    for (let run = 0; run < 5; run++) {
      const before = process.cpuUsage()
      for (let left = 40_000; left > 0; left -= depth) {
        const isEmpty = new Promise<void>(resolve => {
          emptied = resolve
        })
        for (let told = 1; told < depth; told++) actor.tell('one')
        actor.tell('last')
        await isEmpty
      }
      const { user, system } = process.cpuUsage(before)
      best = Math.min(best, user + system)
    }
    return best
  }
  const shallow = await costAt(1_000)
  // Where it was seen, 34 times.
  expect(await costAt(40_000)).toBeLessThan(shallow * 10)
})

test('an actor that ends while its stop hook waits does not spin, whatever it is told', async () => {
  let turns = 0
  const counted = (run: (task: () => void) => void) => (task: () => void) => {
    turns++
    run(task)
  }
  const executor = { soon: counted(queueMicrotask), later: counted(task => void setImmediate(task)) }
  await using stage = new Stage({ ports: { executor } })
  const ended: string[] = []
  const actor = stage.spawn(
    behavior<number, null>({
      initial: () => null,
      receive: state => state,
      onStop: () => sleep(50).then(() => void ended.push('ended')),
    }),
  )
  actor.tell(1)
  await settle()
  const stopped = actor.stop()
  await settle()
  turns = 0
  for (let i = 0; i < 10; i++) actor.tell(i)
  await stopped
  expect(ended).toEqual(['ended'])
  expect(turns).toBeLessThan(5)
})

import { describe, expect, test } from 'vitest'
import { type Behavior, behavior, stopped } from '../../src/kernel/behavior.ts'
import type { ActorContext, MailboxOptions } from '../../src/kernel/types.ts'
import { gate, hold, settle, VirtualStage } from './support.ts'

interface Do {
  readonly run: (context: ActorContext<Do | string>) => void | Promise<void>
}

const run = (run: Do['run']): Do => ({ run })

/** Does as it is told, and records what else it gets, with the time. */
const worker = (stage: VirtualStage, seen: [string, number][], mailbox?: MailboxOptions): Behavior<Do | string> =>
  behavior<Do | string, null>({
    initial: () => null,
    receive: (state, message, context) => {
      if (typeof message === 'string') {
        seen.push([message, stage.clock.monotonicMs()])
        return state
      }
      const done = message.run(context)
      return done === undefined ? state : done.then(() => state)
    },
    ...(mailbox === undefined ? {} : { mailbox }),
  })

const pass = async (stage: VirtualStage, ms: number): Promise<void> => {
  for (let i = 0; i < ms; i++) {
    stage.clock.advance(1)
    await settle()
  }
}

describe('a timer', () => {
  test('sends its message once, after its time', async () => {
    await using stage = new VirtualStage()
    const seen: [string, number][] = []
    const actor = stage.spawn(worker(stage, seen))
    const running: boolean[] = []
    actor.tell(
      run(({ timers }) => {
        timers.start('t', 'tick', { afterMs: 5 })
        timers.start('at once', 'now', { afterMs: 0 })
        running.push(timers.isRunning('t'))
      }),
    )
    await settle()
    await pass(stage, 20)
    actor.tell(run(({ timers }) => void running.push(timers.isRunning('t'))))
    await settle()
    expect(seen).toEqual([
      ['now', 1],
      ['tick', 5],
    ])
    expect(running).toEqual([true, false])
    expect(stage.clock.pending).toBe(0)
  })

  test('replaces the one with its key, keeps the others, and can be cancelled', async () => {
    await using stage = new VirtualStage()
    const seen: [string, number][] = []
    const actor = stage.spawn(worker(stage, seen))
    actor.tell(
      run(({ timers }) => {
        timers.start('a', 'old', { afterMs: 5 })
        timers.start('b', 'b', { afterMs: 5 })
        timers.start(1, 'number', { afterMs: 5 })
        timers.start('a', 'new', { afterMs: 7 })
        timers.cancel(1)
        timers.cancel('none')
      }),
    )
    await settle()
    await pass(stage, 10)
    expect(seen).toEqual([
      ['b', 5],
      ['new', 7],
    ])
    actor.tell(
      run(({ timers }) => {
        timers.start('a', 'a', { everyMs: 1 })
        timers.start('b', 'b', { everyMs: 1 })
        timers.cancelAll()
      }),
    )
    await settle()
    await pass(stage, 5)
    expect(seen).toHaveLength(2)
    expect(stage.clock.pending).toBe(0)
  })

  test.each(['cancelled', 'replaced'])('that is %s never arrives, even if its message is queued already', async how => {
    await using stage = new VirtualStage()
    const seen: [string, number][] = []
    const actor = stage.spawn(worker(stage, seen))
    const door = gate()
    actor.tell(
      run(async ({ timers }) => {
        timers.start('t', 'tick', { afterMs: 5 })
        await door.opened
        if (how === 'cancelled') timers.cancel('t')
        else timers.start('t', 'new', { afterMs: 50 })
      }),
    )
    await settle()
    await pass(stage, 10)
    actor.tell('after')
    door.open()
    await settle()
    await pass(stage, 100)
    expect(seen.map(([message]) => message)).toEqual(how === 'cancelled' ? ['after'] : ['after', 'new'])
    expect(stage.letters).toEqual([])
  })

  test('with a fixed delay counts from when the actor took the last one', async () => {
    await using stage = new VirtualStage()
    const seen: [string, number][] = []
    const actor = stage.spawn(worker(stage, seen))
    const door = gate()
    actor.tell(run(({ timers }) => timers.start('t', 'tick', { everyMs: 10 })))
    await settle()
    await pass(stage, 25)
    actor.tell(run(() => door.opened))
    await settle()
    await pass(stage, 30)
    door.open()
    await settle()
    await pass(stage, 15)
    expect(seen).toEqual([
      ['tick', 10],
      ['tick', 20],
      ['tick', 55],
      ['tick', 65],
    ])
  })

  test('with a fixed rate keeps its count, whatever the actor does or the event loop misses', async () => {
    await using stage = new VirtualStage()
    const seen: [string, number][] = []
    const actor = stage.spawn(worker(stage, seen))
    const door = gate()
    actor.tell(run(({ timers }) => timers.start('t', 'tick', { everyMs: 10, mode: 'fixed-rate' })))
    await settle()
    await pass(stage, 10)
    actor.tell(run(() => door.opened))
    await settle()
    await pass(stage, 25)
    door.open()
    await settle()
    expect(seen).toEqual([
      ['tick', 10],
      ['tick', 35],
      ['tick', 35],
    ])
    await pass(stage, 15)
    expect(seen.slice(3)).toEqual([
      ['tick', 40],
      ['tick', 50],
    ])
    stage.clock.advance(30)
    await settle()
    expect(seen.slice(5)).toEqual([
      ['tick', 80],
      ['tick', 80],
      ['tick', 80],
    ])
  })

  test('is gone when the actor restarts, and so is its queued message', async () => {
    await using stage = new VirtualStage()
    const seen: [string, number][] = []
    const { child } = await hold(stage, worker(stage, seen) as Behavior<never>)
    child.tell(
      run(({ timers }) => {
        timers.start('queued', 'queued', { afterMs: 1 })
        timers.start('rate', 'rate', { everyMs: 1, mode: 'fixed-rate' })
        timers.start('later', 'later', { afterMs: 50 })
      }),
    )
    await settle()
    const door = gate()
    child.tell(
      run(async () => {
        await door.opened
        throw new Error('crash')
      }),
    )
    await settle()
    await pass(stage, 5)
    expect(child.waiting).toBeGreaterThan(2)
    child.tell('kept')
    door.open()
    await settle()
    await pass(stage, 100)
    expect(child.incarnation).toBe(2)
    expect(seen.map(([message]) => message)).toEqual(['kept'])
    expect(stage.letters).toEqual([])
    expect(stage.clock.pending).toBe(0)
  })

  test('is gone when the actor stops: no dead letter, nothing left on the clock, and a late start does nothing', async () => {
    await using stage = new VirtualStage()
    let late!: ActorContext<Do | string>
    const actor = stage.spawn(worker(stage, []))
    actor.tell(
      run(context => {
        late = context
        context.timers.start('t', 'tick', { everyMs: 1 })
      }),
    )
    await settle()
    await actor.stop()
    late.timers.start('u', 'tick', { everyMs: 1 })
    await pass(stage, 10)
    expect(stage.letters).toEqual([])
    expect(stage.clock.pending).toBe(0)
  })

  test('makes a dead letter of a message that a full mailbox has no room for, and goes on', async () => {
    await using stage = new VirtualStage()
    const seen: [string, number][] = []
    const actor = stage.spawn(worker(stage, seen, { capacity: 1, overflow: 'reject' }))
    const door = gate()
    actor.tell(
      run(async ({ timers }) => {
        timers.start('t', 'tick', { everyMs: 10 })
        timers.start('once', 'once', { afterMs: 1 })
        await door.opened
      }),
    )
    await settle()
    actor.tell('fills')
    await pass(stage, 15)
    expect(stage.letters.map(letter => [letter.message, letter.reason])).toEqual([
      ['once', 'overflow'],
      ['tick', 'overflow'],
    ])
    door.open()
    await settle()
    await pass(stage, 10)
    expect(seen).toEqual([
      ['fills', 15],
      ['tick', 20],
    ])
  })

  test('may have its message stashed', async () => {
    await using stage = new VirtualStage()
    const seen: string[] = []
    const actor = stage.spawn(
      behavior<string, boolean>({
        initial: context => {
          context.timers.start('t', 'tick', { afterMs: 1 })
          return false
        },
        receive: (isOpen, message, context) => {
          if (message === 'open') context.unstashAll()
          else if (isOpen) seen.push(message)
          else context.stash()
          return isOpen || message === 'open'
        },
        stash: { capacity: 1 },
      }),
    )
    await settle()
    await pass(stage, 5)
    actor.tell('open')
    await settle()
    expect(seen).toEqual(['tick'])
  })

  test('refuses a time that is none with a RangeError', async () => {
    await using stage = new VirtualStage()
    const refused: unknown[] = []
    stage.spawn(worker(stage, [])).tell(
      run(({ timers }) => {
        for (const times of [
          { afterMs: -1 },
          { afterMs: Number.NaN },
          { everyMs: 0 },
          { everyMs: Number.POSITIVE_INFINITY },
        ])
          try {
            timers.start('t', 'tick', times)
          } catch (error) {
            refused.push(error)
          }
      }),
    )
    await settle()
    expect(refused).toHaveLength(4)
    for (const error of refused) expect(error).toBeInstanceOf(RangeError)
  })
})

describe('a receive timeout', () => {
  test('comes when no message did for its time, again and again, and not while the actor is busy', async () => {
    await using stage = new VirtualStage()
    const seen: [string, number][] = []
    const actor = stage.spawn(worker(stage, seen))
    actor.tell(run(context => context.setReceiveTimeout(10, 'idle')))
    await settle()
    await pass(stage, 6)
    actor.tell('message')
    await settle()
    await pass(stage, 26)
    expect(seen).toEqual([
      ['message', 6],
      ['idle', 16],
      ['idle', 26],
    ])
    const door = gate()
    actor.tell(run(() => door.opened))
    await settle()
    await pass(stage, 23)
    door.open()
    await settle()
    expect(stage.clock.monotonicMs()).toBe(55)
    await pass(stage, 20)
    expect(seen.slice(3)).toEqual([
      ['idle', 65],
      ['idle', 75],
    ])
  })

  test('is replaced by a later one, and cancelled, also once it is queued', async () => {
    await using stage = new VirtualStage()
    const seen: [string, number][] = []
    const actor = stage.spawn(worker(stage, seen))
    actor.tell(
      run(context => {
        context.setReceiveTimeout(5, 'old')
        context.setReceiveTimeout(10, 'new')
      }),
    )
    await settle()
    await pass(stage, 12)
    expect(seen).toEqual([['new', 10]])
    // Queued by this, and not taken yet.
    let context!: ActorContext<Do | string>
    actor.tell(
      run(own => {
        context = own
      }),
    )
    await settle()
    stage.clock.advance(10)
    context.cancelReceiveTimeout()
    await settle()
    await pass(stage, 30)
    expect(seen).toHaveLength(1)
    expect(stage.clock.pending).toBe(0)
  })

  test('ends with the incarnation', async () => {
    await using stage = new VirtualStage()
    const seen: [string, number][] = []
    const { child } = await hold(stage, worker(stage, seen) as Behavior<never>)
    child.tell(run(context => context.setReceiveTimeout(5, 'idle')))
    child.tell(
      run(() => {
        throw new Error('crash')
      }),
    )
    await settle()
    await pass(stage, 20)
    expect(child.incarnation).toBe(2)
    expect(seen).toEqual([])
    expect(stage.clock.pending).toBe(0)
  })

  test('refuses a time that is none with a RangeError, and keeps the one that was set', async () => {
    await using stage = new VirtualStage()
    const seen: [string, number][] = []
    stage.spawn(worker(stage, seen)).tell(
      run(context => {
        context.setReceiveTimeout(5, 'idle')
        for (const afterMs of [0, -1, Number.NaN])
          expect(() => context.setReceiveTimeout(afterMs, 'x')).toThrow(RangeError)
      }),
    )
    await settle()
    await pass(stage, 5)
    expect(seen).toEqual([['idle', 5]])
  })

  test('may end its actor', async () => {
    await using stage = new VirtualStage()
    const actor = stage.spawn(
      behavior<'idle', null>({
        initial: context => {
          context.setReceiveTimeout(5, 'idle')
          return null
        },
        receive: () => stopped(),
      }),
    )
    await settle()
    await pass(stage, 5)
    await actor.stop()
    expect(stage.clock.pending).toBe(0)
    expect(stage.system.inspect()).toEqual([])
  })
})

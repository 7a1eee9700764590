import { behavior, intercept } from 'troupe'
import { frozenMessages, type TestSystem, type TestSystemOptions, testSystem, VirtualTurns } from 'troupe/testkit'
import { describe, expect, test } from 'vitest'
import { systemExecutor } from '../../src/base/ports.ts'

const collecting = (into: unknown[]) =>
  behavior<unknown, null>({
    initial: () => null,
    receive: (state, message) => {
      into.push(message)
      return state
    },
  })

describe('a test system', () => {
  test('moves time only when told, and lets promises run between deadlines', async () => {
    await using kit = testSystem()
    const log: string[] = []
    kit.spawn(
      behavior<'tick', null>({
        initial: context => {
          context.timers.start('t', 'tick', { everyMs: 10 })
          return null
        },
        receive: async (state, _message, context) => {
          log.push(`begin ${context.clock.monotonicMs()}`)
          await null
          log.push(`end ${context.clock.monotonicMs()}`)
          return state
        },
      }),
    )
    await kit.settle()
    expect(log).toEqual([])
    await kit.advance(25)
    expect(log).toEqual(['begin 10', 'end 10', 'begin 20', 'end 20'])
    expect(kit.clock.monotonicMs()).toBe(25)
  })

  test('runs until nothing is to come, and says how long that took', async () => {
    await using kit = testSystem()
    const seen: unknown[] = []
    kit.spawn(
      behavior<number, null>({
        initial: context => {
          context.timers.start('t', 3, { afterMs: 40 })
          return null
        },
        receive: (state, left, context) => {
          seen.push(left)
          if (left > 0) context.timers.start('t', left - 1, { afterMs: 40 })
          return state
        },
      }),
    )
    // The first of them is set when the actor starts.
    expect(await kit.runUntilIdle()).toBe(160)
    expect(seen).toEqual([3, 2, 1, 0])
  })

  test('refuses to run until idle what sets timers for ever', async () => {
    await using kit = testSystem()
    kit.spawn(
      behavior<'tick', null>({
        initial: context => {
          context.timers.start('t', 'tick', { everyMs: 10 })
          return null
        },
        receive: state => state,
      }),
    )
    await expect(kit.runUntilIdle(1_000)).rejects.toThrow(/left after 1000 ms/)
  })

  const talking = behavior<number, null>({
    initial: () => null,
    receive: (state, nr, context) => {
      context.self.tell(nr + 1)
      return state
    },
  })

  test.each<readonly [string, (kit: TestSystem) => Promise<unknown>]>([
    ['settle', kit => kit.settle()],
    ['advance', kit => kit.advance(10)],
    ['runUntilIdle', kit => kit.runUntilIdle()],
    ['expectNone', kit => kit.probe().expectNone(10)],
  ])('%s ends where an actor always has work, and says which', async (_name, wait) => {
    await using kit = testSystem({ messagesMax: 10_000 })
    kit.spawn(talking, { name: 'restless' }).tell(1)
    kit.spawn(talking, { name: 'idle' })
    await expect(wait(kit)).rejects.toThrow(
      new RangeError(
        '10000 messages were handled at 0 ms, and there are more: /test/restless had work still and are held up. ' +
          'Let time pass between their messages.',
      ),
    )
    await expect(kit.settle()).rejects.toThrow(/restless/)
  })

  test('lets a million messages be handled at one moment, and as many at the next', async () => {
    await using kit = testSystem()
    let handled = 0
    const counting = behavior<number, null>({
      initial: () => null,
      receive: (state, left, context) => {
        handled++
        if (left > 1) context.self.tell(left - 1)
        return state
      },
    })
    const ref = kit.spawn(counting)
    ref.tell(1_000_000)
    await kit.settle()
    await kit.advance(1)
    ref.tell(1_000_000)
    await kit.settle()
    expect(handled).toBe(2_000_000)
    ref.tell(1)
    await expect(kit.settle()).rejects.toThrow(/^1000000 messages were handled at 1 ms/)
  })

  test('ends a handler that always has an answer at once', async () => {
    await using kit = testSystem({ messagesMax: 1_000 })
    const slow = behavior<number, null>({
      initial: () => null,
      receive: async (state, nr, context) => {
        await null
        context.self.tell(nr + 1)
        return state
      },
    })
    kit.spawn(slow, { name: 'async' }).tell(1)
    await expect(kit.settle()).rejects.toThrow(/test\/async/)
  })

  test('refuses times and bounds that are none', async () => {
    await using kit = testSystem()
    for (const wrong of [-1, Number.NaN, Number.POSITIVE_INFINITY])
      await expect(kit.advance(wrong)).rejects.toThrow(RangeError)
    for (const wrong of [-1, Number.NaN]) await expect(kit.runUntilIdle(wrong)).rejects.toThrow(RangeError)
    for (const messagesMax of [0, 1.5, Number.NaN]) expect(() => testSystem({ messagesMax })).toThrow(RangeError)
  })

  test('draws the same numbers from the same seed', async () => {
    const drawn = async (seed: number): Promise<number[]> => {
      await using kit = testSystem({ seed })
      const numbers: number[] = []
      kit.spawn(
        behavior<never, null>({
          initial: context => {
            for (let i = 0; i < 5; i++) numbers.push(context.random.next())
            return null
          },
          receive: state => state,
        }),
      )
      await kit.settle()
      return numbers
    }
    expect(await drawn(7)).toEqual(await drawn(7))
    expect(await drawn(7)).not.toEqual(await drawn(8))
  })

  test('keeps log lines and dead letters', async () => {
    await using kit = testSystem()
    const ref = kit.spawn(collecting([]), { name: 'gone' })
    await ref.stop()
    ref.tell('too late')
    expect(kit.deadLetters.map(letter => [letter.message, letter.reason])).toEqual([['too late', 'stopped']])
    expect(kit.logger.texts('warn')[0]).toMatch(/dead letter for \/test\/gone \(stopped\)/)
  })

  test('a stalled event loop: no actor runs while turns are held, all do after', async () => {
    await using kit = testSystem()
    const seen: unknown[] = []
    const ref = kit.spawn(collecting(seen))
    await kit.settle()
    kit.turns.hold()
    for (const message of [1, 2, 3]) ref.tell(message)
    await kit.advance(10_000)
    expect(seen).toEqual([])
    expect(kit.turns.pending).toBe(1)
    expect(kit.turns.step()).toBe(true)
    expect(seen).toEqual([1, 2, 3])
    ref.tell(4)
    kit.turns.release()
    await kit.settle()
    expect(seen).toEqual([1, 2, 3, 4])
    expect(kit.turns.pending).toBe(0)
  })

  test('kills what still runs when it is disposed of, also with its turns held', async () => {
    let ended: string | null = null
    {
      await using kit = testSystem()
      kit.spawn(
        behavior<never, null>({
          initial: context => {
            context.signal.addEventListener('abort', () => {
              ended = 'aborted'
            })
            return null
          },
          receive: state => state,
        }),
      )
      await kit.settle()
      kit.turns.hold()
    }
    expect(ended).toBe('aborted')
  })
})

describe('virtual turns', () => {
  test('run what is soon before what is later, each in its order', () => {
    const turns = new VirtualTurns()
    turns.hold()
    const ran: string[] = []
    turns.later(() => ran.push('later 1'))
    turns.soon(() => {
      ran.push('soon 1')
      turns.soon(() => ran.push('soon 3'))
    })
    turns.soon(() => ran.push('soon 2'))
    turns.later(() => ran.push('later 2'))
    expect(turns.run()).toBe(5)
    expect(ran).toEqual(['soon 1', 'soon 2', 'soon 3', 'later 1', 'later 2'])
    expect(turns.step()).toBe(false)
  })

  test('run by themselves unless held: soon before timers and sockets, later after them', async () => {
    const turns = new VirtualTurns()
    const ran: string[] = []
    turns.later(() => ran.push('later'))
    turns.soon(() => ran.push('soon'))
    await null
    expect(ran).toEqual(['soon'])
    await new Promise<void>(resolve => systemExecutor.later(resolve))
    expect(ran).toEqual(['soon', 'later'])
  })

  test('held and let go at once run each turn once', async () => {
    const turns = new VirtualTurns()
    const ran: number[] = []
    for (const i of [1, 2, 3]) turns.soon(() => ran.push(i))
    turns.hold()
    turns.release()
    await new Promise<void>(resolve => systemExecutor.later(resolve))
    expect(ran).toEqual([1, 2, 3])
  })
})

describe('frozen messages', () => {
  test('may be as long as an array can be', async () => {
    await using kit = testSystem()
    const probe = kit.probe<readonly unknown[]>()
    const list = Array.from({ length: 300_000 }, (_, i) => ({ i }))
    probe.ref.tell(list)
    expect(await probe.expectMessage()).toBe(list)
    expect(Object.isFrozen(list.at(-1))).toBe(true)
  })

  const changing = behavior<{ readonly list: number[] }, null>({
    initial: () => null,
    receive: (state, message) => {
      message.list.push(4)
      return state
    },
  })

  test('a handler that changes its message crashes with a TypeError', async () => {
    await using kit = testSystem()
    const ref = kit.spawn(changing)
    const probe = kit.probe()
    probe.watch(ref as never)
    ref.tell({ list: [1, 2, 3] })
    const reason = await probe.expectTerminated(ref as never)
    expect(reason).toMatchObject({ type: 'error', error: expect.any(TypeError) })
  })

  test('a sender that keeps a message and changes it once it is handled gets the TypeError', async () => {
    await using kit = testSystem()
    const seen: unknown[] = []
    const message = { nested: { list: [1] } }
    kit.spawn(collecting(seen)).tell(message)
    await kit.settle()
    expect(() => message.nested.list.push(2)).toThrow(TypeError)
    expect(seen).toEqual([{ nested: { list: [1] } }])
  })

  test('are an interceptor for any system, and an option to leave out', async () => {
    await using kit = testSystem({ freezeMessages: false })
    const message = { list: [1] }
    const free = kit.spawn(changing)
    free.tell(message)
    await kit.settle()
    expect(message.list).toEqual([1, 4])
    const frozen = kit.spawn(intercept<{ readonly list: number[] }>(changing, frozenMessages))
    const probe = kit.probe()
    probe.watch(frozen as never)
    frozen.tell(message)
    expect(await probe.expectTerminated(frozen as never)).toMatchObject({ type: 'error' })
  })

  test('leave instances as they are: refs, dates, maps; and freeze what is frozen on its surface only', async () => {
    await using kit = testSystem()
    const probe = kit.probe<string>()
    const map = new Map([['a', 1]])
    const message = Object.freeze({ replyTo: probe.ref, map, bytes: new Uint8Array(2), inner: { a: 1 } })
    kit
      .spawn(
        behavior<typeof message, null>({
          initial: () => null,
          receive: (state, { replyTo, map, bytes }) => {
            map.set('b', 2)
            bytes[0] = 1
            replyTo.tell('ok')
            return state
          },
        }),
      )
      .tell(message)
    await probe.expectMessage('ok')
    expect(Object.isFrozen(message.inner)).toBe(true)
  })
})

describe('what is no number', () => {
  test.each<readonly [what: string, options: object, text: string]>([
    ['a seed in words', { seed: 'x' }, 'seed must be a whole number, not "x"'],
    ['half a seed', { seed: 0.5 }, 'seed must be a whole number, not 0.5'],
    ['a time in words', { wallMs: '5' }, 'the wall time is a number of ms, not "5"'],
    ['a misspelt option', { sed: 1 }, '"sed"'],
  ])('is refused by a system: %s', async (_what, options, text) => {
    const start = (): unknown => testSystem(options as TestSystemOptions)
    expect(start).toThrow(RangeError)
    expect(start).toThrow(text)
  })

  test('is refused where time is to pass', async () => {
    await using kit = testSystem()
    for (const call of [kit.advance('5' as never), kit.runUntilIdle('5' as never)]) {
      await expect(call).rejects.toThrow(RangeError)
      await expect(call).rejects.toThrow('a number of ms from 0, not "5"')
    }
    expect(() => kit.clock.advance('5' as never)).toThrow('a time is a number of ms, not "5"')
    expect(() => kit.clock.runUntilIdle('5' as never)).toThrow('a number of ms from 0, not "5"')
    expect(kit.clock.monotonicMs()).toBe(0)
  })

  test('is refused by a probe, which takes nothing then', async () => {
    await using kit = testSystem()
    const probe = kit.probe<number>()
    probe.ref.tell(1)
    const misspelt = { timeout: 5 } as never
    const wrong = { timeoutMs: '5' } as never
    for (const [call, text] of [
      [probe.expectMessage(1, misspelt), 'may have timeoutMs, not "timeout"'],
      [probe.receiveN(1, misspelt), 'may have timeoutMs, not "timeout"'],
      [probe.fishFor(() => true, misspelt), 'may have timeoutMs, not "timeout"'],
      [probe.expectTerminated(probe.ref, misspelt), 'may have timeoutMs, not "timeout"'],
      [probe.expectMessage(1, wrong), 'timeoutMs is a number of ms from 0, not "5"'],
      [probe.expectMessage(1, { timeoutMs: Number.NaN }), 'timeoutMs is a number of ms from 0, not NaN'],
      [probe.expectNone('5' as never), 'a time to wait is a number of ms from 0, not "5"'],
      [probe.within(-1, async () => undefined), 'a time to take is a number of ms from 0, not -1'],
      [probe.receiveN('1' as never), 'a number of messages is whole, not "1"'],
    ] as const) {
      await expect(call).rejects.toThrow(RangeError)
      await expect(call).rejects.toThrow(text)
    }
    expect(await probe.expectMessage(1, { timeoutMs: Number.POSITIVE_INFINITY })).toBe(1)
  })
})

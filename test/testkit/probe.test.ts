import { AssertionError } from 'node:assert'
import { type ActorRef, ActorSystem, behavior, silentLogger, stopped } from 'troupe'
import { probeOf, testSystem } from 'troupe/testkit'
import { describe, expect, test } from 'vitest'

type Greeting = { readonly type: 'hello'; readonly name: string } | { readonly type: 'bye' }

const isHello = (message: Greeting): message is Extract<Greeting, { type: 'hello' }> => message.type === 'hello'

/** Tells `probe` what it is told, after a time. */
const later = (probe: ActorRef<Greeting>, afterMs: number) =>
  behavior<Greeting, null>({
    initial: () => null,
    receive: (state, message, context) => {
      context.clock.after(afterMs, () => probe.tell(message))
      return state
    },
  })

const failureOf = async (promise: Promise<unknown>): Promise<AssertionError> => {
  try {
    await promise
  } catch (error) {
    if (error instanceof AssertionError) return error
    throw error
  }
  throw new Error('the expectation held')
}

describe('a probe on a virtual clock', () => {
  test('waits without end for all that is to come, and leaves the clock there', async () => {
    await using kit = testSystem()
    const probe = kit.probe<Greeting>()
    kit.clock.after(70, () => undefined)
    const failed = await failureOf(probe.expectMessage({ type: 'bye' }, { timeoutMs: Number.POSITIVE_INFINITY }))
    expect(failed.message).toContain('no message within Infinity ms')
    expect(kit.clock.monotonicMs()).toBe(70)
  })

  test('takes messages in order: any, an equal one, one by guard', async () => {
    await using kit = testSystem()
    const probe = kit.probe<Greeting>()
    probe.ref.tell({ type: 'bye' })
    probe.ref.tell({ type: 'hello', name: 'a' })
    probe.ref.tell({ type: 'hello', name: 'b' })
    expect(await probe.expectMessage()).toEqual({ type: 'bye' })
    await probe.expectMessage({ type: 'hello', name: 'a' })
    // The guard gives the type: `name` compiles.
    expect((await probe.expectMessage(isHello)).name).toBe('b')
  })

  test('moves the clock to the message that it waits for, and no further', async () => {
    await using kit = testSystem()
    const probe = kit.probe<Greeting>()
    const echo = kit.spawn(later(probe.ref, 1_200))
    echo.tell({ type: 'bye' })
    await probe.expectMessage({ type: 'bye' })
    expect(kit.clock.monotonicMs()).toBe(1_200)
  })

  test('fails after the time with what it expected, when nothing comes', async () => {
    await using kit = testSystem()
    const probe = kit.probe<Greeting>()
    const failure = await failureOf(probe.expectMessage({ type: 'bye' }))
    expect(failure.message).toBe("no message within 3000 ms. Expected { type: 'bye' }")
    expect(kit.clock.monotonicMs()).toBe(3_000)
    expect((await failureOf(probe.expectMessage(isHello, { timeoutMs: 5 }))).message).toContain('isHello')
  })

  test('shows what came instead', async () => {
    await using kit = testSystem()
    const probe = kit.probe<Greeting>()
    probe.ref.tell({ type: 'hello', name: 'x' })
    const failure = await failureOf(probe.expectMessage({ type: 'bye' }))
    expect(failure.message).toContain("the next message is another one: { type: 'hello', name: 'x' }")
    expect(failure).toMatchObject({ actual: { type: 'hello', name: 'x' }, expected: { type: 'bye' } })
  })

  test('expects none for a time', async () => {
    await using kit = testSystem()
    const probe = kit.probe<Greeting>()
    const echo = kit.spawn(later(probe.ref, 200))
    echo.tell({ type: 'bye' })
    await probe.expectNone(199)
    expect(kit.clock.monotonicMs()).toBe(199)
    expect((await failureOf(probe.expectNone(10))).message).toContain("there came [ { type: 'bye' } ]")
  })

  test('receives a number of messages, or says how many there were', async () => {
    await using kit = testSystem()
    const probe = kit.probe<number>()
    for (const n of [1, 2, 3]) probe.ref.tell(n)
    expect(await probe.receiveN(2)).toEqual([1, 2])
    expect((await failureOf(probe.receiveN(2))).message).toBe('1 of 2 messages within 3000 ms: [ 3 ]. Expected 2')
    expect(probe.unread).toEqual([3])
  })

  test('fishes for a message and passes over the others', async () => {
    await using kit = testSystem()
    const probe = kit.probe<number>()
    for (const n of [1, 2, 3, 4]) probe.ref.tell(n)
    expect(await probe.fishFor(n => n === 3)).toBe(3)
    expect(probe.unread).toEqual([4])
    expect((await failureOf(probe.fishFor(n => n === 9))).message).toContain('passed over: [ 4 ]')
  })

  test('keeps several expectations within one time', async () => {
    await using kit = testSystem()
    const probe = kit.probe<Greeting>()
    const echo = kit.spawn(later(probe.ref, 60))
    await probe.within(100, async () => {
      echo.tell({ type: 'bye' })
      await probe.expectMessage({ type: 'bye' })
    })
    const tooLong = probe.within(100, async () => {
      for (let i = 0; i < 2; i++) {
        echo.tell({ type: 'bye' })
        await probe.expectMessage({ type: 'bye' })
      }
    })
    expect((await failureOf(tooLong)).message).toContain('no message within 40 ms')
  })

  test('`within` also counts time that no expectation took', async () => {
    await using kit = testSystem()
    const probe = kit.probe<Greeting>()
    const slow = probe.within(100, () => kit.advance(150))
    expect((await failureOf(slow)).message).toContain('took 150 ms')
  })

  test('expects an end, also one that was before, and gives its reason', async () => {
    await using kit = testSystem()
    const probe = kit.probe()
    const quitting = behavior<'quit' | 'crash', null>({
      initial: () => null,
      receive: (_state, message) => {
        if (message === 'crash') throw new Error('on purpose')
        return stopped()
      },
    })
    const [first, second, third] = [kit.spawn(quitting), kit.spawn(quitting), kit.spawn(quitting)]
    first!.tell('quit')
    await kit.settle()
    expect(await probe.expectTerminated(first as never)).toEqual({ type: 'normal' })
    probe.watch(second as never)
    second!.tell('crash')
    await kit.settle()
    expect(await probe.expectTerminated(second as never)).toMatchObject({ type: 'error' })
    const failure = await failureOf(probe.expectTerminated(third as never, { timeoutMs: 50 }))
    expect(failure.message).toBe(`${third!.path} has not ended within 50 ms. Expected 'an end'`)
  })
})

describe('a probe on the machine’s clock', () => {
  test('waits for messages and ends as they come, and for none as long as it is told', async () => {
    await using system = ActorSystem.start({ logger: silentLogger })
    const probe = probeOf<Greeting>(system)
    const echo = system.spawn(later(probe.ref, 20))
    echo.tell({ type: 'bye' })
    await probe.expectMessage({ type: 'bye' })
    const startMs = system.clock.monotonicMs()
    await probe.expectNone(30)
    expect(system.clock.monotonicMs() - startMs).toBeGreaterThanOrEqual(29)
    expect((await failureOf(probe.expectMessage(isHello, { timeoutMs: 10 }))).message).toContain('within 10 ms')
    probe.watch(echo as never)
    await echo.stop()
    expect(await probe.expectTerminated(echo as never)).toEqual({ type: 'shutdown' })
  })

  test('a message that comes in time ends the wait for none', async () => {
    await using system = ActorSystem.start({ logger: silentLogger })
    const probe = probeOf<Greeting>(system)
    system.spawn(later(probe.ref, 10)).tell({ type: 'bye' })
    expect((await failureOf(probe.expectNone(10_000))).message).toContain("'bye'")
  })
})

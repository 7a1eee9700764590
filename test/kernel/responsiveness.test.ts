import { type AddressInfo, connect, createServer } from 'node:net'
import { describe, expect, test } from 'vitest'
import { behavior } from '../../src/kernel/behavior.ts'
import type { ActorRef, ReplyTo } from '../../src/kernel/types.ts'
import { Stage } from './support.ts'

/** Two actors that tell each other without end, and say how often. */
const saturate = (stage: Stage): (() => number) => {
  let told = 0
  const chatter = behavior<{ readonly from: ActorRef<never> }, null>({
    initial: () => null,
    receive: (state, message, context) => {
      told++
      ;(message.from as ActorRef<unknown>).tell({ from: context.self })
      return state
    },
  })
  const [a, b] = [stage.spawn(chatter), stage.spawn(chatter)]
  for (let i = 0; i < 10; i++) a.tell({ from: b as ActorRef<never> })
  return () => told
}

/** Lags of a 5 ms timer over some time, sorted. */
const timerLags = async (durationMs: number): Promise<number[]> => {
  const lags: number[] = []
  const endMs = performance.now() + durationMs
  while (performance.now() < endMs) {
    const startMs = performance.now()
    await new Promise(resolve => setTimeout(resolve, 5))
    lags.push(performance.now() - startMs - 5)
  }
  return lags.sort((a, b) => a - b)
}

const median = (sorted: number[]): number => sorted[sorted.length >> 1] as number

// The bounds are generous, since the machine may be busy: without a slice the first timer would never fire at all.
const MEDIAN_LAG_MS = 25
const FIRED = 3

describe('a saturated system', () => {
  test('lets timers fire while two actors tell each other without end', async () => {
    await using stage = new Stage()
    const told = saturate(stage)
    const lags = await timerLags(500)
    expect(lags.length).toBeGreaterThan(FIRED)
    expect(median(lags)).toBeLessThan(MEDIAN_LAG_MS)
    expect(told()).toBeGreaterThan(1_000)
  })

  test('lets timers fire during an endless loop of sequential asks', async () => {
    await using stage = new Stage()
    const echo = stage.spawn(
      behavior<{ replyTo: ReplyTo<number> }, number>({
        initial: () => 0,
        receive: (count, message) => {
          message.replyTo.tell(count)
          return count + 1
        },
      }),
    )
    let over = false
    let answered = 0
    const loop = (async () => {
      while (!over) answered = await echo.ask(replyTo => ({ replyTo }))
    })()
    const lags = await timerLags(500)
    over = true
    await loop
    expect(lags.length).toBeGreaterThan(FIRED)
    expect(median(lags)).toBeLessThan(MEDIAN_LAG_MS)
    expect(answered).toBeGreaterThan(1_000)
  })

  test('lets timers fire while async handlers tell themselves without end', async () => {
    await using stage = new Stage()
    let handled = 0
    const spinner = behavior<'go', null>({
      initial: () => null,
      receive: async (state, message, context) => {
        handled++
        context.self.tell(message)
        return state
      },
    })
    for (let i = 0; i < 5; i++) stage.spawn(spinner).tell('go')
    const lags = await timerLags(300)
    expect(lags.length).toBeGreaterThan(FIRED / 2)
    expect(median(lags)).toBeLessThan(MEDIAN_LAG_MS)
    expect(handled).toBeGreaterThan(1_000)
  })

  test('lets timers fire while many actors have handlers of a millisecond each', async () => {
    await using stage = new Stage()
    const slow = behavior<'go', null>({
      initial: () => null,
      receive: (state, message, context) => {
        for (const endMs = performance.now() + 1; performance.now() < endMs; );
        context.self.tell(message)
        return state
      },
    })
    for (let i = 0; i < 50; i++) stage.spawn(slow).tell('go')
    const lags = await timerLags(500)
    expect(lags.length).toBeGreaterThan(FIRED)
    expect(median(lags)).toBeLessThan(MEDIAN_LAG_MS)
  })

  test('serves sockets', async () => {
    await using stage = new Stage()
    saturate(stage)
    const server = createServer(socket => socket.pipe(socket))
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
    client.setNoDelay(true)
    for (let round = 0; round < 20; round++) {
      const answered = new Promise<Buffer>(resolve => client.once('data', resolve))
      client.write(`round ${round}`)
      expect((await answered).toString()).toBe(`round ${round}`)
    }
    client.destroy()
    await new Promise(resolve => server.close(resolve))
  })

  test('still ends when told', async () => {
    const stage = new Stage()
    saturate(stage)
    await new Promise(resolve => setTimeout(resolve, 20))
    await stage.system.terminate()
    expect(stage.letters.length).toBeGreaterThan(0)
  })

  test('gives every actor its turn: the one that was told last is soon handled', async () => {
    await using stage = new Stage()
    saturate(stage)
    await new Promise(resolve => setTimeout(resolve, 20))
    const quiet = stage.spawn(
      behavior<{ replyTo: ReplyTo<string> }, null>({
        initial: () => null,
        receive: (state, message) => {
          message.replyTo.tell('here')
          return state
        },
      }),
    )
    expect(await quiet.ask(replyTo => ({ replyTo }), { timeoutMs: 5_000 })).toBe('here')
  })
})

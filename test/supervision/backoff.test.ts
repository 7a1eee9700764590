import {
  type ActorRef,
  childRef,
  type RestartBackoff,
  type Strategy,
  type SupervisorMessage,
  seededRandom,
  supervisor,
  supervisorControl,
} from 'troupe'
import { describe, expect, test } from 'vitest'
import { VirtualClock } from '../../src/testkit/virtual-clock.ts'
import { Stage, settle, VirtualStage } from '../kernel/support.ts'
import { BOOM, chain, crash, type WorkerMessage, worker } from './support.ts'

const exactly = (backoff: RestartBackoff = {}): RestartBackoff => ({ jitter: 0, ...backoff })

/** How long each of its restarts took, for a child that crashes as soon as it runs. */
const restsOf = async (stage: VirtualStage, ref: ActorRef<WorkerMessage>, seen: string[], times: number) => {
  const restsMs: number[] = []
  for (let n = 0; n < times; n++) {
    crash(ref)
    await settle()
    const before = seen.length
    let restMs = 0
    while (seen.length === before && restMs < 100_000) {
      stage.clock.advance(1)
      restMs++
      await Promise.resolve()
      for (let turn = 0; turn < 8; turn++) await Promise.resolve()
    }
    restsMs.push(restMs)
  }
  return restsMs
}

const one = (seen: string[], backoff: RestartBackoff) =>
  supervisor({ intensity: Number.POSITIVE_INFINITY, backoff, children: [{ id: 'a', start: worker('a', seen) }] })

describe('a restart with a backoff', () => {
  test('waits from minMs, twice as long after each further failure, at most maxMs', async () => {
    await using stage = new VirtualStage()
    const seen: string[] = []
    const top = stage.spawn(one(seen, exactly({ minMs: 10, maxMs: 50 })))
    expect(await restsOf(stage, await childRef(top, 'a'), seen, 5)).toEqual([10, 20, 40, 50, 50])
  })

  test('waits by default 100 ms first', async () => {
    await using stage = new VirtualStage()
    const seen: string[] = []
    const top = stage.spawn(one(seen, exactly()))
    expect(await restsOf(stage, await childRef(top, 'a'), seen, 3)).toEqual([100, 200, 400])
  })

  test('waits by chance up to a fifth less, so that two do not come back together', async () => {
    const clock = new VirtualClock()
    await using stage = new Stage({ ports: { clock, random: seededRandom(1) } })
    const top = stage.spawn(
      supervisor({
        intensity: 9,
        backoff: { minMs: 1_000 },
        children: ['a', 'b'].map(id => ({ id, start: worker(id, []) })),
      }),
    )
    for (const id of ['a', 'b']) crash(await childRef<WorkerMessage>(top, id))
    await settle()
    const restsMs = stage.logger.lines.map(line => Number(/is restarted after (\d+) ms/.exec(line.text)?.[1]))
    expect(restsMs).toHaveLength(2)
    expect(new Set(restsMs).size).toBe(2)
    for (const restMs of restsMs) {
      expect(restMs).toBeGreaterThanOrEqual(800)
      expect(restMs).toBeLessThanOrEqual(1_000)
    }
  })

  test('begins again with minMs after the child ran for resetAfterMs, and not before', async () => {
    for (const [quietMs, expected] of [
      [499, [10, 20, 40]],
      [500, [10, 20, 10]],
    ] as const) {
      await using stage = new VirtualStage()
      const seen: string[] = []
      const top = stage.spawn(one(seen, exactly({ minMs: 10, resetAfterMs: 500 })))
      const a = await childRef<WorkerMessage>(top, 'a')
      const restsMs = await restsOf(stage, a, seen, 2)
      await settle()
      stage.clock.advance(quietMs)
      expect([...restsMs, ...(await restsOf(stage, a, seen, 1))]).toEqual(expected)
    }
  })

  test('begins again by default after twice maxMs', async () => {
    for (const [quietMs, last] of [
      [99, 40],
      [100, 10],
    ] as const) {
      await using stage = new VirtualStage()
      const seen: string[] = []
      const top = stage.spawn(one(seen, exactly({ minMs: 10, maxMs: 50 })))
      const a = await childRef<WorkerMessage>(top, 'a')
      await restsOf(stage, a, seen, 2)
      await settle()
      stage.clock.advance(quietMs)
      expect(await restsOf(stage, a, seen, 1)).toEqual([last])
    }
  })

  test('counts a start that fails as one more failure in a row', async () => {
    await using stage = new VirtualStage()
    const seen: string[] = []
    const start = worker('a', seen, { starts: ['ok', BOOM, BOOM, 'ok'] })
    const top = stage.spawn(
      supervisor({ intensity: 9, backoff: exactly({ minMs: 10 }), children: [{ id: 'a', start }] }),
    )
    crash(await childRef<WorkerMessage>(top, 'a'))
    const at: [string, number][] = []
    for (let ms = 0; ms <= 80; ms += 5) {
      const before = seen.length
      await settle()
      for (const word of seen.slice(before)) at.push([word, ms])
      stage.clock.advance(5)
    }
    expect(at).toEqual([
      ['stop a 1 error', 0],
      ['fail a 2', 10],
      ['fail a 3', 30],
      ['start a 4', 70],
    ])
  })

  test("takes a child's own backoff before the supervisor's", async () => {
    await using stage = new VirtualStage()
    const seen: string[] = []
    const children = [
      { id: 'a', start: worker('a', seen), backoff: exactly({ minMs: 7 }) },
      { id: 'b', start: worker('b', seen) },
    ]
    const top = stage.spawn(supervisor({ intensity: 9, backoff: exactly({ minMs: 20 }), children }))
    expect(await restsOf(stage, await childRef(top, 'a'), seen, 1)).toEqual([7])
    expect(await restsOf(stage, await childRef(top, 'b'), seen, 1)).toEqual([20])
  })

  test('counts for the intensity when it is decided, before the rest', async () => {
    await using stage = new VirtualStage()
    const seen: string[] = []
    const top = stage.spawn(
      supervisor({ intensity: 1, backoff: exactly(), children: [{ id: 'a', start: worker('a', seen) }] }),
    )
    const a = await childRef<WorkerMessage>(top, 'a')
    await restsOf(stage, a, seen, 1)
    crash(a)
    expect(chain(await stage.system.whenTerminated)).toEqual(['SUPERVISOR_INTENSITY_REACHED', 'boom'])
  })

  test('with intensity Infinity never gives up', async () => {
    await using stage = new VirtualStage()
    const seen: string[] = []
    const top = stage.spawn(one(seen, exactly({ minMs: 1, maxMs: 1 })))
    expect(await restsOf(stage, await childRef(top, 'a'), seen, 300)).toHaveLength(300)
    expect(seen.at(-1)).toBe('start a 301')
  })
})

describe('during the rest', () => {
  const resting = async (strategy: Strategy = 'one-for-one') => {
    const stage = new VirtualStage()
    const seen: string[] = []
    const children = ['a', 'b', 'c'].map(id => ({ id, start: worker(id, seen) }))
    const top = stage.spawn(supervisor({ strategy, intensity: 3, backoff: exactly({ minMs: 1_000 }), children }))
    const b = await childRef<WorkerMessage>(top, 'b')
    crash(b)
    await settle()
    seen.length = 0
    return { stage, seen, top, b, statuses: () => statusesOf(top) }
  }
  const statusesOf = async (top: ActorRef<SupervisorMessage>) =>
    (await supervisorControl(top).whichChildren()).map(child => `${child.id} ${child.status}`)

  test('the child is `restarting`, and its messages wait for it in order', async () => {
    const { stage, seen, top, b, statuses } = await resting()
    expect(await statuses()).toEqual(['a up', 'b restarting', 'c up'])
    expect(await supervisorControl(top).restartChild('b')).toEqual({ ok: false, error: 'restarting' })
    for (const text of ['1', '2']) b.tell({ type: 'note', text })
    stage.clock.advance(1_000)
    await settle()
    expect(seen).toEqual(['start b 2', 'b: 1', 'b: 2'])
    await stage[Symbol.asyncDispose]()
  })

  test('a stop of the supervisor comes in between: nothing starts any more, and no timer is left', async () => {
    const { stage, seen, top } = await resting()
    await top.stop()
    expect(stage.clock.pending).toBe(0)
    stage.clock.advance(10_000)
    await settle()
    expect(seen).toEqual(['stop c 1 shutdown', 'stop a 1 shutdown'])
    expect(stage.letters).toEqual([])
    await stage[Symbol.asyncDispose]()
  })

  test('so does a kill of the supervisor', async () => {
    const { stage, seen, top } = await resting()
    top.kill()
    await settle()
    expect([stage.clock.pending, seen]).toEqual([0, []])
    await stage[Symbol.asyncDispose]()
  })

  test('stopping the child ends its rest, and its mailbox goes to dead letters', async () => {
    const { stage, seen, top, b, statuses } = await resting()
    b.tell({ type: 'note', text: 'lost' })
    expect(await supervisorControl(top).terminateChild('b')).toEqual({ ok: true })
    expect(await statuses()).toEqual(['a up', 'b down', 'c up'])
    stage.clock.advance(10_000)
    await settle()
    expect([seen, stage.reasons()]).toEqual([[], ['stopped']])
    await stage[Symbol.asyncDispose]()
  })

  test('a child stopped, started and crashed again rests anew, whatever the first rest was', async () => {
    const { stage, seen, top, statuses } = await resting()
    const control = supervisorControl(top)
    await control.terminateChild('b')
    await control.restartChild('b')
    crash(await childRef<WorkerMessage>(top, 'b'))
    await settle()
    seen.length = 0
    stage.clock.advance(1_999)
    await settle()
    expect([seen, await statuses()]).toEqual([[], ['a up', 'b restarting', 'c up']])
    stage.clock.advance(1)
    await settle()
    expect(seen).toEqual(['start b 3'])
    await stage[Symbol.asyncDispose]()
  })

  for (const [strategy, stopped, started] of [
    ['one-for-all', ['c', 'a'], ['a', 'b', 'c']],
    ['rest-for-one', ['c'], ['b', 'c']],
  ] as const)
    test(`a ${strategy} group is down: stopped at once in reverse order, started together afterwards`, async () => {
      await using stage = new VirtualStage()
      const seen: string[] = []
      const children = ['a', 'b', 'c'].map(id => ({ id, start: worker(id, seen) }))
      const top = stage.spawn(supervisor({ strategy, intensity: 3, backoff: exactly({ minMs: 1_000 }), children }))
      const b = await childRef<WorkerMessage>(top, 'b')
      crash(b)
      await settle()
      expect(seen.slice(3)).toEqual(['stop b 1 error', ...stopped.map(id => `stop ${id} 1 shutdown`)])
      stage.clock.advance(999)
      await settle()
      expect(await statusesOf(top)).toContain('c down')
      stage.clock.advance(1)
      await settle()
      expect(seen.slice(4 + stopped.length)).toEqual(started.map(id => `start ${id} 2`))
    })

  test('a sibling of the group that was started by hand is stopped and started with it', async () => {
    const { stage, seen, top } = await resting('one-for-all')
    expect(await supervisorControl(top).restartChild('c')).toMatchObject({ ok: true })
    stage.clock.advance(1_000)
    await settle()
    expect(seen).toEqual(['start c 2', 'stop c 2 shutdown', 'start a 2', 'start b 2', 'start c 3'])
    await stage[Symbol.asyncDispose]()
  })
})

test('a sibling that fails meanwhile has the whole group rest anew: the first rest starts nobody', async () => {
  await using stage = new VirtualStage()
  const seen: string[] = []
  const children = ['a', 'b'].map(id => ({ id, start: worker(id, seen) }))
  const backoff = exactly({ minMs: 1_000 })
  const top = stage.spawn(supervisor({ strategy: 'one-for-all', intensity: 9, backoff, children }))
  crash(await childRef<WorkerMessage>(top, 'a'))
  await settle()
  await supervisorControl(top).restartChild('b')
  crash(await childRef<WorkerMessage>(top, 'b'))
  await settle()
  seen.length = 0
  // It was to be for 1,000 ms, and is for 2,000 after the second failure in a row.
  stage.clock.advance(1_999)
  await settle()
  expect(seen).toEqual([])
  stage.clock.advance(1)
  await settle()
  expect(seen).toEqual(['start a 2', 'start b 3'])
})

test("a group's failures are counted together", async () => {
  await using stage = new VirtualStage()
  const children = ['a', 'b'].map(id => ({ id, start: worker(id, []) }))
  const top = stage.spawn(
    supervisor({ strategy: 'one-for-all', intensity: 9, backoff: exactly({ minMs: 10 }), children }),
  )
  for (const id of ['a', 'b', 'a']) {
    crash(await childRef<WorkerMessage>(top, id))
    await settle()
    stage.clock.advance(100)
    await settle()
  }
  expect(stage.logger.lines.map(line => line.text.replace('/test/$1: ', ''))).toEqual([
    'child a is restarted after 10 ms',
    'child b is restarted after 20 ms',
    'child a is restarted after 40 ms',
  ])
})

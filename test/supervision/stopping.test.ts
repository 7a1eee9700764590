import { behavior, childRef, type ShutdownTime, type SupervisorMessage, supervisor, supervisorControl } from 'troupe'
import { describe, expect, test } from 'vitest'
import { Stage, settle, VirtualStage } from '../kernel/support.ts'
import { BOOM, crash, neverStartsAgain, type WorkerMessage, worker } from './support.ts'

const hangs = (): Promise<void> => new Promise(() => undefined)

describe('a supervisor that is stopped', () => {
  test('starts its children in order and stops them in reverse order, each after the one before it', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const slow = (id: string) => worker(id, seen, { onStop: () => settle().then(() => void seen.push(`${id} done`)) })
    const top = stage.spawn(supervisor({ children: ['a', 'b', 'c'].map(id => ({ id, start: slow(id) })) }))
    await childRef(top, 'a')
    await top.stop()
    expect(seen).toEqual([
      ...['start a 1', 'start b 1', 'start c 1'],
      ...['stop c 1 shutdown', 'c done', 'stop b 1 shutdown', 'b done', 'stop a 1 shutdown', 'a done'],
    ])
  })

  const stopOf = async (shutdownMs: ShutdownTime | undefined, afterMs: number): Promise<boolean> => {
    await using stage = new VirtualStage()
    const start = worker('a', [], { onStop: hangs })
    const top = stage.spawn(
      supervisor({ children: [{ id: 'a', start, ...(shutdownMs !== undefined && { shutdownMs }) }] }),
    )
    await childRef(top, 'a')
    let stopped = false
    void top.stop().then(() => {
      stopped = true
    })
    await settle()
    stage.clock.advance(afterMs)
    await settle()
    return stopped
  }

  test('kills a child whose stop hook hangs after its shutdown time, not before', async () => {
    expect(await stopOf(150, 149)).toBe(false)
    expect(await stopOf(150, 150)).toBe(true)
  })

  test('gives a worker 5,000 ms by default', async () => {
    expect(await stopOf(undefined, 4_999)).toBe(false)
    expect(await stopOf(undefined, 5_000)).toBe(true)
  })

  test("waits for an 'infinity' child, and kills a 'brutal-kill' one and one with 0 ms at once", async () => {
    expect(await stopOf('infinity', 100_000_000)).toBe(false)
    expect(await stopOf('brutal-kill', 0)).toBe(true)
    expect(await stopOf(0, 0)).toBe(true)
  })

  test('gives a supervisor child the time that its own children need', async () => {
    await using stage = new VirtualStage()
    const seen: string[] = []
    const inner = supervisor({
      children: [
        { id: 'a', shutdownMs: 60_000, start: worker('a', seen) },
        { id: 'b', shutdownMs: 60_000, start: worker('b', seen, { onStop: hangs }) },
      ],
    })
    const top = stage.spawn(supervisor({ children: [{ id: 'inner', start: inner }] }))
    await childRef(top, 'inner')
    const ended = stage.system.terminate()
    await settle()
    stage.clock.advance(59_999)
    await settle()
    expect(seen).not.toContain('stop a 1 shutdown')
    stage.clock.advance(1)
    await ended
    expect(seen).toContain('stop a 1 shutdown')
  })

  test('goes on past a stop hook that throws', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const throws = (): void => {
      throw BOOM
    }
    const top = stage.spawn(
      supervisor({
        children: [
          { id: 'a', start: worker('a', seen) },
          { id: 'b', start: worker('b', seen, { onStop: throws }) },
        ],
      }),
    )
    await childRef(top, 'a')
    await top.stop()
    expect(seen.slice(2)).toEqual(['stop b 1 shutdown', 'stop a 1 shutdown'])
  })

  test('says that it had to kill a child, but not where that was the order', async () => {
    await using stage = new VirtualStage()
    const start = worker('a', [], { onStop: hangs })
    const top = stage.spawn(
      supervisor({
        children: [
          { id: 'a', start, shutdownMs: 20 },
          { id: 'b', start, shutdownMs: 'brutal-kill' },
        ],
      }),
      'top',
    )
    await childRef(top, 'a')
    const ended = top.stop()
    await settle()
    stage.clock.advance(20)
    await ended
    expect(stage.logger.lines.map(line => line.text)).toEqual(['/test/top: child a was killed after its 20 ms to stop'])
  })

  test('while it restarts a child that never starts stops in between', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const failing = neverStartsAgain()
    const top = stage.spawn(
      supervisor({
        intensity: 1_000_000,
        children: [
          { id: 'a', start: worker('a', seen) },
          { id: 'b', start: failing.behavior },
        ],
      }),
    )
    crash(await childRef<WorkerMessage>(top, 'b'))
    while (failing.failedStarts() < 3) await settle()
    await top.stop()
    const atStop = failing.failedStarts()
    for (let wait = 0; wait < 5; wait++) await settle()
    expect(failing.failedStarts()).toBe(atStop)
    expect(stage.letters).toEqual([])
    expect(seen).toEqual(['start a 1', 'stop a 1 shutdown'])
  })

  test('lets a control message in between restarts that keep failing', async () => {
    await using stage = new Stage()
    const failing = neverStartsAgain()
    const top = stage.spawn(supervisor({ intensity: 1_000_000, children: [{ id: 'a', start: failing.behavior }] }))
    crash(await childRef<WorkerMessage>(top, 'a'))
    while (failing.failedStarts() < 3) await settle()
    const control = supervisorControl(top)
    const again = await control.startChild({ id: 'a', start: failing.behavior })
    expect(again).toEqual({ ok: false, error: 'already-present' })
    expect(await control.restartChild('a')).toEqual({ ok: false, error: 'restarting' })
    expect(await control.deleteChild('a')).toEqual({ ok: false, error: 'restarting' })
    expect(await control.terminateChild('a')).toEqual({ ok: true })
    expect(await control.whichChildren()).toMatchObject([{ status: 'down' }])
  })
})

describe('a supervisor that is killed', () => {
  test('takes its children with it, and what it had begun comes to nothing', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    let open = (): void => undefined
    const slow = behavior<never, null>({
      initial: () =>
        new Promise(resolve => {
          open = () => resolve(null)
        }),
      receive: state => state,
    })
    const inner = supervisor({
      children: [
        { id: 'a', start: worker('a', seen) },
        { id: 'slow', start: slow },
        { id: 'never', start: worker('never', seen) },
      ],
    })
    const top = stage.spawn(supervisor({ children: [{ id: 'inner', start: inner, restart: 'temporary' }] }))
    await settle()
    await stage.system.terminate({ shutdownMs: 'brutal-kill' })
    open()
    await settle()
    expect(seen).toEqual(['start a 1'])
    expect(stage.logger.lines.filter(line => line.level === 'error')).toEqual([])
    expect(top.path).toMatch(/^\/test\//)
  })
  test('while a restart fails leaves nothing behind, no dead letter of its own either', async () => {
    await using stage = new Stage()
    const failing = neverStartsAgain()
    const inner = supervisor({ intensity: 1_000_000, children: [{ id: 'a', start: failing.behavior }] })
    const top = stage.spawn(supervisor({ children: [{ id: 'inner', start: inner, restart: 'temporary' }] }))
    const killed = await childRef<SupervisorMessage>(top, 'inner')
    crash(await childRef<WorkerMessage>(killed, 'a'))
    while (failing.failedStarts() < 2) await settle()
    killed.kill()
    const atKill = failing.failedStarts()
    for (let wait = 0; wait < 5; wait++) await settle()
    expect(failing.failedStarts()).toBeLessThanOrEqual(atKill + 1)
    expect(stage.letters).toEqual([])
  })
})

test('a supervisor that is killed while it restarts a group starts none of it', async () => {
  await using stage = new Stage()
  const seen: string[] = []
  let stopB = (): void => undefined
  const bStops = new Promise<void>(resolve => {
    stopB = resolve
  })
  const inner = supervisor({
    strategy: 'one-for-all',
    children: [
      { id: 'a', start: worker('a', seen) },
      { id: 'b', start: worker('b', seen, { onStop: () => bStops }) },
      { id: 'c', start: worker('c', seen) },
    ],
  })
  const top = stage.spawn(supervisor({ children: [{ id: 'inner', start: inner, restart: 'temporary' }] }))
  const killed = await childRef<SupervisorMessage>(top, 'inner')
  crash(await childRef<WorkerMessage>(killed, 'c'))
  while (!seen.includes('stop b 1 shutdown')) await settle()
  killed.kill()
  stopB()
  for (let wait = 0; wait < 3; wait++) await settle()
  expect(seen.slice(3)).toEqual(['stop c 1 error', 'stop b 1 shutdown'])
  // A step that went wrong after the kill would be here.
  expect(stage.logger.lines.map(line => line.text)).toEqual([
    '/test/$1/inner: child c is restarted',
    '/test/$1: child inner is not restarted',
  ])
})

test('a supervisor may take longer to start than one actor: each child has its own time', async () => {
  await using stage = new VirtualStage()
  const slow = behavior<never, null>({
    initial: context => new Promise(resolve => void context.clock.after(20_000, () => resolve(null))),
    receive: state => state,
  })
  const top = stage.spawn(supervisor({ children: ['a', 'b', 'c'].map(id => ({ id, start: slow })) }))
  const listed = supervisorControl(top).whichChildren()
  for (let child = 0; child < 3; child++) {
    await settle()
    stage.clock.advance(20_000)
  }
  expect((await listed).map(child => child.status)).toEqual(['up', 'up', 'up'])
})

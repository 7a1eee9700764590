import { type ActorRef, childRef, type Strategy, supervisor, supervisorControl } from 'troupe'
import { describe, expect, test } from 'vitest'
import { Stage, settle } from '../kernel/support.ts'
import { crash, neverStartsAgain, type WorkerMessage, worker } from './support.ts'

const three = (seen: string[], strategy: Strategy, restart: 'permanent' | 'transient' | 'temporary' = 'permanent') =>
  supervisor({
    strategy,
    intensity: 3,
    children: ['a', 'b', 'c'].map(id => ({ id, start: worker(id, seen), restart })),
  })

describe('when the second of three children crashes', () => {
  for (const [strategy, expected] of [
    ['one-for-one', ['start b 2']],
    ['one-for-all', ['stop c 1 shutdown', 'stop a 1 shutdown', 'start a 2', 'start b 2', 'start c 2']],
    ['rest-for-one', ['stop c 1 shutdown', 'start b 2', 'start c 2']],
  ] as [Strategy, string[]][])
    test(`${strategy} stops in reverse order and starts in order whom it restarts`, async () => {
      await using stage = new Stage()
      const seen: string[] = []
      const top = stage.spawn(three(seen, strategy))
      crash(await childRef<WorkerMessage>(top, 'b'))
      await settle()
      expect(seen).toEqual(['start a 1', 'start b 1', 'start c 1', 'stop b 1 error', ...expected])
    })
})

test('without a strategy it is one-for-one, and a child without a restart type is permanent', async () => {
  await using stage = new Stage()
  const seen: string[] = []
  const top = stage.spawn(
    supervisor({
      children: [
        { id: 'a', start: worker('a', seen) },
        { id: 'b', start: worker('b', seen) },
      ],
    }),
  )
  ;(await childRef<WorkerMessage>(top, 'a')).tell({ type: 'end', reason: { type: 'normal' } })
  await settle()
  expect(seen).toEqual(['start a 1', 'start b 1', 'stop a 1 normal', 'start a 2'])
})

describe('a child that ends', () => {
  const end = async (restart: 'permanent' | 'transient' | 'temporary', how: (ref: ActorRef<WorkerMessage>) => void) => {
    await using stage = new Stage()
    const top = stage.spawn(three([], 'one-for-one', restart))
    how(await childRef<WorkerMessage>(top, 'b'))
    await settle()
    const children = await supervisorControl(top).whichChildren()
    return children.find(child => child.id === 'b')?.status ?? 'forgotten'
  }
  const normally = (ref: ActorRef<WorkerMessage>): void => ref.tell({ type: 'end', reason: { type: 'normal' } })
  const orderly = (ref: ActorRef<WorkerMessage>): void => ref.tell({ type: 'end', reason: { type: 'shutdown' } })
  const byItsRef = (ref: ActorRef<WorkerMessage>): void => void ref.stop()
  const killed = (ref: ActorRef<WorkerMessage>): void => ref.kill()

  test('and is permanent is restarted whatever its end', async () => {
    for (const how of [normally, orderly, byItsRef, killed, crash]) expect(await end('permanent', how)).toBe('up')
  })

  test('and is transient is restarted after a crash or a kill only', async () => {
    for (const how of [normally, orderly, byItsRef]) expect(await end('transient', how)).toBe('down')
    for (const how of [killed, crash]) expect(await end('transient', how)).toBe('up')
  })

  test('and is temporary is forgotten whatever its end', async () => {
    for (const how of [normally, orderly, byItsRef, killed, crash])
      expect(await end('temporary', how)).toBe('forgotten')
  })
})

test('a handler timeout is a failure like any other', async () => {
  await using stage = new Stage()
  const seen: string[] = []
  const top = stage.spawn(
    supervisor({ children: [{ id: 'a', restart: 'transient', start: worker('a', seen, { handlerTimeoutMs: 10 }) }] }),
  )
  const a = await childRef<WorkerMessage>(top, 'a')
  a.tell({ type: 'hang' })
  expect(await a.ask(replyTo => ({ type: 'echo', text: 'back', replyTo }))).toBe('back')
  expect(seen).toEqual(['start a 1', 'stop a 1 error', 'start a 2'])
})

test('says once that it restarts a child, with path, child and error and no payload', async () => {
  await using stage = new Stage()
  const top = stage.spawn(three([], 'one-for-one'), 'top')
  const error = new Error('no tariff')
  crash(await childRef<WorkerMessage>(top, 'b'), error)
  await settle()
  expect(stage.logger.lines).toEqual([
    { level: 'warn', text: '/test/top: child b is restarted', fields: { child: 'b', error } },
  ])
})

test('says that a temporary child crashed, and that it is not restarted', async () => {
  await using stage = new Stage()
  const top = stage.spawn(three([], 'one-for-one', 'temporary'), 'top')
  const error = new Error('no tariff')
  crash(await childRef<WorkerMessage>(top, 'b'), error)
  await settle()
  expect(stage.logger.lines).toEqual([
    { level: 'warn', text: '/test/top: child b is not restarted', fields: { child: 'b', error } },
  ])
})

describe('two children that crash at once', () => {
  test('are one restart of their group', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const children = ['a', 'b'].map(id => ({ id, start: worker(id, seen) }))
    const top = stage.spawn(supervisor({ strategy: 'one-for-all', intensity: 1, children }))
    const both = [await childRef<WorkerMessage>(top, 'a'), await childRef<WorkerMessage>(top, 'b')]
    for (const ref of both) crash(ref)
    await settle()
    expect(seen.slice(2)).toEqual(['stop a 1 error', 'stop b 1 error', 'start a 2', 'start b 2'])
  })

  test('wait for one another: the later one does not start before the earlier one has', async () => {
    await using stage = new Stage()
    const [first, second] = [neverStartsAgain(), neverStartsAgain()]
    const top = stage.spawn(
      supervisor({
        strategy: 'rest-for-one',
        intensity: 1_000_000,
        children: [
          { id: 'a', start: first.behavior },
          { id: 'b', start: second.behavior },
        ],
      }),
    )
    const both = [await childRef<WorkerMessage>(top, 'a'), await childRef<WorkerMessage>(top, 'b')]
    for (const ref of both) crash(ref)
    while (first.failedStarts() < 3) await settle()
    expect(second.failedStarts()).toBe(0)
    await top.stop()
    expect(stage.letters).toEqual([])
  })

  test('leave no letter of the supervisor to itself when it is stopped between their restarts', async () => {
    await using stage = new Stage()
    const [first, second] = [neverStartsAgain(), neverStartsAgain()]
    const top = stage.spawn(
      supervisor({
        intensity: 1_000_000,
        children: [
          { id: 'a', start: first.behavior },
          { id: 'b', start: second.behavior },
        ],
      }),
    )
    const both = [await childRef<WorkerMessage>(top, 'a'), await childRef<WorkerMessage>(top, 'b')]
    for (const ref of both) crash(ref)
    // The restart of the first waits for its start, and that of the second for the restart of the first.
    while (first.starts() < 2) await new Promise(resolve => setImmediate(resolve))
    await top.stop()
    expect([first.failedStarts(), second.failedStarts()]).toEqual([1, 0])
    expect(stage.letters).toEqual([])
  })
})

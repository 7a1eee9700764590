import {
  type AutoShutdown,
  childRef,
  type ExitReason,
  type SupervisorMessage,
  supervisor,
  supervisorControl,
} from 'troupe'
import { describe, expect, test } from 'vitest'
import { Stage, settle, VirtualStage } from '../kernel/support.ts'
import { BOOM, chain, crash, neverStartsAgain, type WorkerMessage, worker } from './support.ts'

describe('a supervisor gives up', () => {
  test('after more than `intensity` restarts: stops the rest in reverse order, and the system ends with the causes', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const children = ['a', 'b', 'c'].map(id => ({ id, start: worker(id, seen) }))
    const top = stage.spawn(supervisor({ intensity: 1, children }), 'top')
    const b = await childRef<WorkerMessage>(top, 'b')
    crash(b)
    crash(b)
    const reason = await stage.system.whenTerminated
    expect(reason).toMatchObject({ type: 'shutdown', cause: { code: 'SUPERVISOR_INTENSITY_REACHED', cause: BOOM } })
    expect((reason as { cause: Error }).cause.message).toBe(
      '/test/top gave up after more than 1 restarts within 5000 ms, the last of child b',
    )
    expect(seen.slice(3)).toEqual([
      ...['stop b 1 error', 'start b 2', 'stop b 2 error'],
      ...['stop c 1 shutdown', 'stop a 1 shutdown'],
    ])
    expect(
      stage.logger.lines.filter(line => line.text.startsWith('/test/top: child b is not restarted')),
    ).toMatchObject([{ level: 'error', fields: { child: 'b', error: BOOM } }])
  })

  test('not before: restarts that have left the period count no more', async () => {
    await using stage = new VirtualStage()
    const seen: string[] = []
    const top = stage.spawn(
      supervisor({ intensity: 1, periodMs: 1_000, children: [{ id: 'a', start: worker('a', seen) }] }),
    )
    const a = await childRef<WorkerMessage>(top, 'a')
    for (let round = 0; round < 4; round++) {
      crash(a)
      await settle()
      stage.clock.advance(1_001)
    }
    expect(seen.at(-1)).toBe('start a 5')
    crash(a)
    await settle()
    stage.clock.advance(1_000)
    crash(a)
    expect(await stage.system.whenTerminated).toMatchObject({ type: 'shutdown' })
  })

  test('by default with the second restart within 5,000 ms', async () => {
    await using stage = new VirtualStage()
    const seen: string[] = []
    const top = stage.spawn(supervisor({ children: [{ id: 'a', start: worker('a', seen) }] }))
    const a = await childRef<WorkerMessage>(top, 'a')
    for (const waitMs of [5_001, 5_000]) {
      crash(a)
      await settle()
      stage.clock.advance(waitMs)
    }
    expect(seen.at(-1)).toBe('start a 3')
    crash(a)
    expect(await stage.system.whenTerminated).toMatchObject({ type: 'shutdown' })
  })

  test('when starts keep failing: each counts as a restart', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const start = worker('a', seen, { starts: ['ok', BOOM] })
    const top = stage.spawn(supervisor({ intensity: 3, children: [{ id: 'a', start }] }))
    crash(await childRef<WorkerMessage>(top, 'a'), new Error('first'))
    expect(chain(await stage.system.whenTerminated)).toEqual(['SUPERVISOR_INTENSITY_REACHED', 'boom'])
    expect(seen).toEqual(['start a 1', 'stop a 1 error', 'fail a 2', 'fail a 3', 'fail a 4'])
  })

  test('after a kill: the cause says that the child was killed', async () => {
    await using stage = new Stage()
    const top = stage.spawn(supervisor({ intensity: 0, children: [{ id: 'a', start: worker('a', []) }] }))
    ;(await childRef(top, 'a')).kill()
    expect(chain(await stage.system.whenTerminated)).toEqual(['SUPERVISOR_INTENSITY_REACHED', 'ACTOR_CRASHED'])
  })
})

describe('nested supervisors', () => {
  const nested = (seen: string[], intensity: number, restart: 'permanent' | 'transient') =>
    supervisor({
      intensity,
      children: [
        { id: 'other', start: worker('other', seen) },
        {
          id: 'inner',
          restart,
          start: supervisor({ intensity: 0, children: [{ id: 'a', start: worker('a', seen) }] }),
        },
      ],
    })

  test('one that gives up is restarted by the one above, with its children', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const top = stage.spawn(nested(seen, 3, 'permanent'))
    const inner = await childRef<SupervisorMessage>(top, 'inner')
    crash(await childRef<WorkerMessage>(inner, 'a'))
    await settle()
    expect(seen).toEqual(['start other 1', 'start a 1', 'stop a 1 error', 'start a 2'])
    expect(await childRef(top, 'inner')).toBe(inner)
  })

  test('one that is transient and gives up stays down, since it ends in order', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const top = stage.spawn(nested(seen, 3, 'transient'))
    crash(await childRef<WorkerMessage>(await childRef<SupervisorMessage>(top, 'inner'), 'a'))
    await settle()
    expect(seen).toEqual(['start other 1', 'start a 1', 'stop a 1 error'])
  })

  test('the reason at the top names every level down to the error', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const top = stage.spawn(nested(seen, 0, 'permanent'))
    crash(await childRef<WorkerMessage>(await childRef<SupervisorMessage>(top, 'inner'), 'a'))
    expect(chain(await stage.system.whenTerminated)).toEqual([
      'SUPERVISOR_INTENSITY_REACHED',
      'SUPERVISOR_INTENSITY_REACHED',
      'boom',
    ])
    expect(seen.at(-1)).toBe('stop other 1 shutdown')
  })

  test('a child that does not start fails its supervisor, whose children before it are stopped', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const inner = supervisor({
      children: [
        { id: 'a', start: worker('a', seen) },
        { id: 'b', start: worker('b', seen) },
        { id: 'c', start: worker('c', seen, { starts: [BOOM] }) },
        { id: 'd', start: worker('d', seen) },
      ],
    })
    stage.spawn(supervisor({ children: [{ id: 'inner', start: inner }] }), 'top')
    const reason = await stage.system.whenTerminated
    expect(reason.type).toBe('error')
    expect(chain(reason)).toEqual(['ACTOR_START_FAILED', 'ACTOR_START_FAILED', 'boom'])
    expect(seen).toEqual(['start a 1', 'start b 1', 'fail c 1', 'stop b 1 shutdown', 'stop a 1 shutdown'])
  })
})

describe('automatic shutdown', () => {
  const run = async (autoShutdown: AutoShutdown, ...ends: [id: string, reason: ExitReason][]): Promise<string[]> => {
    await using stage = new Stage()
    const seen: string[] = []
    const significant = autoShutdown !== 'never'
    const top = stage.spawn(
      supervisor({
        autoShutdown,
        children: [
          { id: 'a', start: worker('a', seen) },
          { id: 's', start: worker('s', seen), restart: 'transient', significant },
          { id: 't', start: worker('t', seen), restart: 'temporary', significant },
        ],
      }),
    )
    for (const [id, reason] of ends) (await childRef<WorkerMessage>(top, id)).tell({ type: 'end', reason })
    await settle()
    // What is still up is stopped only after this.
    return seen.slice(3)
  }
  const normal: ExitReason = { type: 'normal' }

  test("'any-significant' ends the supervisor with the first significant child that stays down", async () => {
    expect(await run('any-significant', ['s', normal])).toEqual([
      ...['stop s 1 normal', 'stop t 1 shutdown', 'stop a 1 shutdown'],
    ])
  })

  test('has no cause where the child ended in order', async () => {
    for (const reason of [normal, { type: 'shutdown' }] satisfies ExitReason[]) {
      const stage = new Stage()
      const top = stage.spawn(
        supervisor({
          autoShutdown: 'any-significant',
          children: [{ id: 's', start: worker('s', []), restart: 'transient', significant: true }],
        }),
      )
      ;(await childRef<WorkerMessage>(top, 's')).tell({ type: 'end', reason })
      expect(await stage.system.whenTerminated).toStrictEqual({ type: 'shutdown' })
      await stage[Symbol.asyncDispose]()
    }
  })

  test("'all-significant' ends it with the last one", async () => {
    const sAndT = await run('all-significant', ['s', normal], ['t', { type: 'error', error: BOOM }])
    expect(sAndT).toEqual(['stop s 1 normal', 'stop t 1 error', 'stop a 1 shutdown'])
  })

  test('does not follow a significant child that is restarted, nor one that is not significant', async () => {
    const afterS = ['stop s 1 error', 'start s 2']
    expect(await run('any-significant', ['s', { type: 'error', error: BOOM }])).toEqual(afterS)
    expect(await run('any-significant', ['a', normal])).toEqual(['stop a 1 normal', 'start a 2'])
    expect(await run('never', ['s', normal], ['t', normal])).toEqual(['stop s 1 normal', 'stop t 1 normal'])
  })

  test("'all-significant' takes one whose restart fails for one that has not ended", async () => {
    await using stage = new Stage()
    const failing = neverStartsAgain()
    const top = stage.spawn(
      supervisor({
        autoShutdown: 'all-significant',
        intensity: 1_000_000,
        children: [
          { id: 's', start: failing.behavior, restart: 'transient', significant: true },
          { id: 't', start: worker('t', []), restart: 'temporary', significant: true },
        ],
      }),
    )
    const t = await childRef<WorkerMessage>(top, 't')
    crash(await childRef<WorkerMessage>(top, 's'))
    while (failing.failedStarts() < 2) await settle()
    t.tell({ type: 'end', reason: normal })
    while (failing.failedStarts() < 6) await settle()
    expect(await supervisorControl(top).whichChildren()).toMatchObject([{ id: 's', status: 'restarting' }])
  })
})

test('a top-level supervisor that is stopped by hand takes nobody else with it', async () => {
  await using stage = new Stage()
  const seen: string[] = []
  const other = stage.spawn(worker('other', seen))
  const top = stage.spawn(supervisor({ children: [{ id: 'a', start: worker('a', seen) }] }))
  await childRef(top, 'a')
  await top.stop()
  expect(await other.ask(replyTo => ({ type: 'echo', text: 'alive', replyTo }))).toBe('alive')
  expect(stage.logger.lines).toEqual([])
})

import {
  type ActorRef,
  childRef,
  dynamicControl,
  dynamicSupervisor,
  type SupervisorMessage,
  supervisor,
  supervisorControl,
} from 'troupe'
import { describe, expect, test } from 'vitest'
import { rejection, Stage, settle } from '../kernel/support.ts'
import { BOOM, crash, type WorkerMessage, worker } from './support.ts'

const two = (seen: string[]) =>
  supervisor({
    children: [
      { id: 'a', start: worker('a', seen) },
      { id: 'b', start: worker('b', seen), restart: 'temporary' },
    ],
  })

describe('by hand', () => {
  test('a child is terminated, restarted, terminated and deleted', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const control = supervisorControl(stage.spawn(two(seen)))
    expect(await control.deleteChild('a')).toEqual({ ok: false, error: 'running' })
    expect(await control.restartChild('a')).toEqual({ ok: false, error: 'running' })
    expect(await control.terminateChild('a')).toEqual({ ok: true })
    expect(await control.terminateChild('a')).toEqual({ ok: true })
    expect(await control.restartChild('a')).toMatchObject({ ok: true, ref: { name: 'a' } })
    await control.terminateChild('a')
    expect(await control.deleteChild('a')).toEqual({ ok: true })
    for (const answer of [control.deleteChild('a'), control.restartChild('a'), control.terminateChild('a')])
      expect(await answer).toEqual({ ok: false, error: 'not-found' })
    expect(seen).toEqual(['start a 1', 'start b 1', 'stop a 1 shutdown', 'start a 2', 'stop a 2 shutdown'])
  })

  test('a temporary child that is terminated is forgotten', async () => {
    await using stage = new Stage()
    const control = supervisorControl(stage.spawn(two([])))
    await control.terminateChild('b')
    expect(await control.restartChild('b')).toEqual({ ok: false, error: 'not-found' })
  })

  test('children are listed in start order, with what became of them', async () => {
    await using stage = new Stage()
    const top = stage.spawn(two([]))
    const control = supervisorControl(top)
    await control.terminateChild('a')
    expect(await control.whichChildren()).toEqual([
      { id: 'a', status: 'down', restart: 'permanent', ref: null },
      { id: 'b', status: 'up', restart: 'temporary', ref: await childRef(top, 'b') },
    ])
  })

  test('a child is added behind the others, and stopped before them', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const top = stage.spawn(two(seen))
    const started = await supervisorControl(top).startChild({ id: 'c', start: worker('c', seen) })
    expect(started).toEqual({ ok: true, ref: await childRef(top, 'c') })
    await top.stop()
    expect(seen.slice(2)).toEqual(['start c 1', 'stop c 1 shutdown', 'stop b 1 shutdown', 'stop a 1 shutdown'])
  })

  test('a child is not added twice, nor with a bad specification, nor when it does not start', async () => {
    await using stage = new Stage()
    const top = stage.spawn(two([]))
    const control = supervisorControl(top)
    const start = worker('x', [], { starts: [BOOM] })
    expect(await control.startChild({ id: 'a', start })).toEqual({
      ok: false,
      error: 'already-started',
      ref: await childRef(top, 'a'),
    })
    await control.terminateChild('a')
    expect(await control.startChild({ id: 'a', start })).toEqual({ ok: false, error: 'already-present' })
    expect(await control.startChild({ id: 'c', start, shutdownMs: -1 })).toMatchObject({
      error: 'invalid-spec',
      cause: { code: 'CHILD_SPEC_INVALID' },
    })
    expect(await control.startChild({ id: 'c', start })).toEqual({ ok: false, error: 'start-failed', cause: BOOM })
    expect((await control.whichChildren()).map(child => child.id)).toEqual(['a', 'b'])
  })

  test('a restart that fails is answered with its error, and the child is down', async () => {
    await using stage = new Stage()
    const top = stage.spawn(
      supervisor({ children: [{ id: 'a', start: worker('a', [], { starts: ['ok', BOOM, 'ignore'] }) }] }),
    )
    const control = supervisorControl(top)
    await control.terminateChild('a')
    expect(await control.restartChild('a')).toEqual({ ok: false, error: 'start-failed', cause: BOOM })
    expect(await control.whichChildren()).toMatchObject([{ status: 'down', ref: null }])
    expect(await control.restartChild('a')).toEqual({ ok: true, ref: null })
    expect(await control.whichChildren()).toMatchObject([{ status: 'down', ref: null }])
  })

  test('no start counts as a restart', async () => {
    await using stage = new Stage()
    const top = stage.spawn(supervisor({ intensity: 0, children: [{ id: 'a', start: worker('a', []) }] }))
    const control = supervisorControl(top)
    for (let round = 0; round < 5; round++) {
      await control.terminateChild('a')
      await control.restartChild('a')
    }
    expect(await control.whichChildren()).toMatchObject([{ status: 'up' }])
  })
})

describe('childRef', () => {
  test('waits for the start, and fails with CHILD_NOT_FOUND for a child that is not there or is down', async () => {
    await using stage = new Stage()
    const top = stage.spawn(two([]), 'top')
    expect((await childRef(top, 'a')).path).toBe('/test/top/a')
    expect(await rejection(childRef(top, 'z'))).toMatchObject({ code: 'CHILD_NOT_FOUND' })
    await supervisorControl(top).terminateChild('a')
    expect(await rejection(childRef(top, 'a'))).toMatchObject({ code: 'CHILD_NOT_FOUND' })
  })

  test('fails with ACTOR_STOPPED when the supervisor does not start', async () => {
    const stage = new Stage()
    const top = stage.spawn(supervisor({ children: [{ id: 'a', start: worker('a', [], { starts: [BOOM] }) }] }))
    expect(await rejection(childRef(top, 'a'))).toMatchObject({ code: 'ACTOR_STOPPED' })
    await stage.system.whenTerminated
  })
})

test('a message that is none of its own is logged, without it, and changes nothing', async () => {
  await using stage = new Stage()
  const top = stage.spawn(two([]), 'top')
  for (const stray of [{ type: 'secret' }, null, 'word', 7])
    (top as ActorRef<unknown> as ActorRef<SupervisorMessage>).tell(stray as unknown as SupervisorMessage)
  await settle()
  expect(await supervisorControl(top).whichChildren()).toHaveLength(2)
  expect(stage.logger.lines.map(line => [line.text, line.fields])).toEqual(
    Array(4).fill(["/test/top: a message that is none of a supervisor's was ignored", undefined]),
  )
})

test.each(['type', 'id', 'spec', 'replyTo'])(
  'a message whose %s throws when it is read changes nothing',
  async field => {
    await using stage = new Stage()
    const top = stage.spawn(two([]), 'top')
    const many = stage.spawn(dynamicSupervisor({ start: () => worker('c', []) }), 'many')
    const child = (await dynamicControl(many).start(null)) as { readonly ref: unknown }
    const thrower = { get: () => expect.fail('read') }
    for (const type of ['start-child', 'terminate-child', 'which-children'])
      for (const ref of [top, many] as ActorRef<never>[])
        ref.tell(Object.defineProperty({ type }, field, thrower) as never)
    await settle()
    expect(await supervisorControl(top).whichChildren()).toHaveLength(2)
    expect((await dynamicControl(many).whichChildren())[0]).toEqual({ ref: child.ref, status: 'up' })
  },
)

test('a child that crashes and is terminated before that is noticed stays down', async () => {
  await using stage = new Stage()
  const seen: string[] = []
  const top = stage.spawn(two(seen))
  const a = await childRef<WorkerMessage>(top, 'a')
  crash(a)
  expect(await supervisorControl(top).terminateChild('a')).toEqual({ ok: true })
  await settle()
  expect(seen).not.toContain('start a 2')
})

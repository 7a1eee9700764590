import { describe, expect, test } from 'vitest'
import { type Behavior, behavior, stopped } from '../../src/kernel/behavior.ts'
import type { Cell } from '../../src/kernel/cell.ts'
import type { ActorContext, ActorRef, ExitReason } from '../../src/kernel/types.ts'
import { gate, hold, Stage, settle } from './support.ts'

interface Do {
  readonly run: (context: ActorContext<Do>) => unknown
}

const doing = (ends: ExitReason[] = []): Behavior<Do> =>
  behavior<Do, null>({
    initial: () => null,
    receive: (state, message, context) => {
      const done = message.run(context)
      if (done instanceof Promise) return done.then(() => state)
      return done === 'stop' ? stopped() : state
    },
    onStop: (_state, reason) => {
      ends.push(reason)
    },
  })

const linkTo = (other: ActorRef<never>): Do => ({ run: context => context.link(other) })
const crash: Do = {
  run: () => {
    throw new Error('boom')
  },
}

describe('a link', () => {
  test.each(['the one that asked for it', 'the other'])('fails the peer when %s fails, with its error', async who => {
    await using stage = new Stage()
    const ends: Record<string, ExitReason[]> = { a: [], b: [] }
    const a = stage.spawn(doing(ends.a), 'a')
    const b = stage.spawn(doing(ends.b), 'b')
    a.tell(linkTo(b))
    await settle()
    const [first, second] = who === 'the other' ? (['b', 'a'] as const) : (['a', 'b'] as const)
    ;(first === 'a' ? a : b).tell(crash)
    await settle()
    expect(ends[first]).toMatchObject([{ type: 'error', error: { message: 'boom' } }])
    expect(ends[second]).toMatchObject([
      { type: 'error', error: { code: 'ACTOR_LINK_FAILED', cause: { message: 'boom' } } },
    ])
    expect(ends[second]?.[0]).toMatchObject({
      error: { message: `/test/${first}, to which this actor is linked, failed` },
    })
  })

  test('fails the peer when its actor is killed', async () => {
    await using stage = new Stage()
    const ends: ExitReason[] = []
    const a = stage.spawn(doing(ends))
    const b = stage.spawn(doing(), 'b')
    a.tell(linkTo(b))
    await settle()
    b.kill()
    await settle()
    expect(ends).toMatchObject([
      { error: { code: 'ACTOR_LINK_FAILED', message: '/test/b, to which this actor is linked, was killed' } },
    ])
  })

  test('ends with an orderly end, and nothing else does', async () => {
    await using stage = new Stage()
    const a = stage.spawn(doing(), 'a')
    const b = stage.spawn(doing())
    const c = stage.spawn(doing())
    a.tell(linkTo(b))
    a.tell(linkTo(c))
    await settle()
    b.tell({ run: () => 'stop' })
    await c.stop()
    await settle()
    expect(stage.system.inspect()).toMatchObject([{ path: '/test/a', state: 'up', lastError: null }])
  })

  test('passes on: who fails by a link fails those linked to it', async () => {
    await using stage = new Stage()
    const ends: ExitReason[][] = Array.from({ length: 1_000 }, () => [])
    const chain = ends.map(own => stage.spawn(doing(own)))
    for (const [i, ref] of chain.entries()) if (i > 0) ref.tell(linkTo(chain[i - 1] as ActorRef<Do>))
    await settle()
    chain[500]?.tell(crash)
    for (let i = 0; i < 20; i++) await settle()
    expect(ends.filter(own => own.length !== 1)).toEqual([])
    expect(stage.system.inspect()).toEqual([])
  })

  test('is taken back by `unlink` from either side, also when the failure is queued already', async () => {
    await using stage = new Stage()
    const a = stage.spawn(doing(), 'a')
    const b = stage.spawn(doing())
    const c = stage.spawn(doing())
    const d = stage.spawn(doing())
    d.tell(linkTo(a))
    a.tell(linkTo(b))
    await settle()
    d.tell({ run: context => context.unlink(a) })
    b.tell({ run: context => context.unlink(a) })
    b.tell(crash)
    const door = gate()
    a.tell(linkTo(c))
    a.tell({
      run: async context => {
        await door.opened
        context.unlink(c)
      },
    })
    await settle()
    c.tell(crash)
    await settle()
    door.open()
    await settle()
    expect(stage.system.inspect()).toMatchObject([{ path: '/test/a', lastError: null }, { state: 'up' }])
    a.tell(crash)
    await settle()
    expect(stage.system.inspect()).toMatchObject([{ path: d.path, state: 'up', lastError: null }])
  })

  test('to an actor that does not run fails the one that asks for it', async () => {
    await using stage = new Stage()
    const gone = stage.spawn(doing())
    await gone.stop()
    const { child } = await hold(stage, doing() as Behavior<never>, () => false)
    child.kill()
    await settle()
    for (const target of [gone, child as Cell as ActorRef<never>]) {
      const ends: ExitReason[] = []
      stage.spawn(doing(ends)).tell(linkTo(target))
      await settle()
      expect(ends).toMatchObject([
        { error: { code: 'ACTOR_LINK_FAILED', message: expect.stringMatching(/does not run$/) } },
      ])
    }
  })

  test('to itself does nothing', async () => {
    await using stage = new Stage()
    const ends: ExitReason[] = []
    const a = stage.spawn(doing(ends))
    a.tell({ run: context => context.link(context.self) })
    a.tell(crash)
    await settle()
    expect(ends).toHaveLength(1)
  })

  test('is of one incarnation: a restart of the one fails the other, and leaves no link behind', async () => {
    await using stage = new Stage()
    const ends: ExitReason[] = []
    const { child } = await hold(stage, doing() as Behavior<never>)
    const a = stage.spawn(doing(ends), 'a')
    child.tell(linkTo(a))
    await settle()
    child.tell(crash)
    await settle()
    expect(ends).toMatchObject([{ error: { code: 'ACTOR_LINK_FAILED' } }])
    const again = stage.spawn(doing(), 'a')
    child.tell(linkTo(again))
    await settle()
    again.tell(crash)
    await settle()
    expect(child.incarnation).toBe(3)
    child.tell(crash)
    await settle()
    expect(child.incarnation).toBe(4)
    expect(ends).toHaveLength(1)
  })

  test('through a context that is revoked does nothing', async () => {
    await using stage = new Stage()
    let old!: ActorContext<Do>
    const a = stage.spawn(doing())
    a.tell({
      run: context => {
        old = context
      },
    })
    await settle()
    await a.stop()
    const ends: ExitReason[] = []
    const b = stage.spawn(doing(ends), 'b')
    old.link(b)
    old.unlink(b)
    await settle()
    expect(ends).toEqual([])
  })
})

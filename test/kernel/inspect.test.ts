import { expect, test } from 'vitest'
import { type Behavior, behavior } from '../../src/kernel/behavior.ts'
import type { ActorContext } from '../../src/kernel/types.ts'
import { gate, hold, Stage, settle } from './support.ts'

type Message = ((context: ActorContext<Message>) => unknown) | null

const doing: Behavior<Message> = behavior<Message, null>({
  initial: () => null,
  receive: (state, run, context) => {
    const done = run?.(context)
    return done instanceof Promise ? done.then(() => state) : state
  },
  stash: { capacity: 5 },
})

const slowToStart = (started: Promise<void>) =>
  behavior<Message, null>({ initial: () => started.then(() => null), receive: state => state })

test('inspect shows the tree in the order of start, with states, mailboxes and counts', async () => {
  await using stage = new Stage()
  const door = gate()
  const idle = stage.spawn(doing, 'idle')
  for (let i = 0; i < 3; i++) idle.tell(null)
  const busy = stage.spawn(doing, 'busy')
  busy.tell(context => context.stash())
  busy.tell(() => door.opened)
  stage.spawn(slowToStart(door.opened), 'starting')
  idle.tell(context => {
    context.spawn(doing, { name: 'first' })
    context.spawn(doing, { name: 'second' })
  })
  await settle()
  busy.tell(null)
  busy.tell(null)
  const none = { mailbox: 0, stashed: 0, handled: 0, restarts: 0, lastError: null, children: [] }
  expect(stage.system.inspect()).toEqual([
    {
      ...none,
      name: 'idle',
      path: '/test/idle',
      state: 'up',
      handled: 4,
      children: [
        { ...none, name: 'first', path: '/test/idle/first', state: 'up' },
        { ...none, name: 'second', path: '/test/idle/second', state: 'up' },
      ],
    },
    { ...none, name: 'busy', path: '/test/busy', state: 'busy', mailbox: 2, stashed: 1, handled: 2 },
    { ...none, name: 'starting', path: '/test/starting', state: 'starting' },
  ])
  door.open()
  await settle()
  expect(stage.system.inspect().map(({ state, handled }) => [state, handled])).toEqual([
    ['up', 4],
    ['up', 4],
    ['up', 0],
  ])
})

test('inspect shows restarts, the last error, and what ends or waits for its supervisor', async () => {
  await using stage = new Stage()
  let again = true
  const { child } = await hold(stage, doing as Behavior<never>, () => again)
  const crash = (text: string) => () => {
    throw new Error(text)
  }
  const shown = () => stage.system.inspect()[0]?.children[0]
  child.tell(crash('one'))
  child.tell(null)
  child.tell(crash('two'))
  await settle()
  expect(shown()).toMatchObject({ state: 'up', restarts: 2, handled: 3, lastError: { message: 'two' } })
  again = false
  child.tell(crash('three'))
  await settle()
  expect(shown()).toMatchObject({ state: 'suspended', restarts: 2, lastError: { message: 'three' } })

  const door = gate()
  const ending = stage.spawn(
    behavior<null, null>({ initial: () => null, receive: state => state, onStop: () => door.opened }),
    'ending',
  )
  await settle()
  const ended = ending.stop()
  await settle()
  expect(stage.system.inspect().at(-1)).toMatchObject({ name: 'ending', state: 'ending' })
  door.open()
  await ended
  expect(stage.system.inspect().map(({ name }) => name)).not.toContain('ending')
})

test('inspect looks through a tree deeper than the stack', async () => {
  await using stage = new Stage()
  const depth = 20_000
  const nested = (left: number): Behavior<null> =>
    behavior<null, null>({
      initial: context => {
        if (left > 0) context.spawn(nested(left - 1), { name: 'n' })
        return null
      },
      receive: state => state,
    })
  const top = stage.spawn(nested(depth), 'n')
  for (let i = 0; i < 50; i++) await settle()
  let levels = 0
  for (let at = stage.system.inspect()[0]; at !== undefined; at = at.children[0]) levels++
  expect(levels).toBe(depth + 1)
  top.kill()
})

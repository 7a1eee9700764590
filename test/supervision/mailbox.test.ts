import { childRef, type Strategy, supervisor, supervisorControl } from 'troupe'
import { describe, expect, test } from 'vitest'
import { rejection, Stage, settle } from '../kernel/support.ts'
import { BOOM, crash, neverStartsAgain, type WorkerMessage, worker } from './support.ts'

const notes = (seen: string[]): string[] => seen.filter(line => line.includes(': '))

describe('over a restart', () => {
  test('the ref stays valid, the mailbox keeps its order, and the message that failed is not delivered again', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const top = stage.spawn(supervisor({ children: [{ id: 'a', start: worker('a', seen) }] }))
    const a = await childRef<WorkerMessage>(top, 'a')
    a.tell({ type: 'note', text: '1' })
    crash(a)
    for (const text of ['2', '3', '4']) a.tell({ type: 'note', text })
    await settle()
    a.tell({ type: 'note', text: '5' })
    await settle()
    expect(seen).toEqual(['start a 1', 'a: 1', 'stop a 1 error', 'start a 2', 'a: 2', 'a: 3', 'a: 4', 'a: 5'])
    expect(await childRef(top, 'a')).toBe(a)
    expect(stage.letters).toEqual([])
  })

  test('asks that the child had taken fail, and queued ones survive', async () => {
    await using stage = new Stage()
    const top = stage.spawn(supervisor({ children: [{ id: 'a', start: worker('a', []) }] }))
    const a = await childRef<WorkerMessage>(top, 'a')
    const taken = rejection(a.ask(replyTo => ({ type: 'keep', replyTo })))
    crash(a)
    const queued = a.ask(replyTo => ({ type: 'echo', text: 'still here', replyTo }))
    expect(await taken).toMatchObject({ code: 'ACTOR_CRASHED', cause: BOOM })
    expect(await queued).toBe('still here')
  })

  for (const strategy of ['one-for-all', 'rest-for-one'] satisfies Strategy[])
    test(`siblings restarted ${strategy} keep their refs and their mail`, async () => {
      await using stage = new Stage()
      const seen: string[] = []
      const top = stage.spawn(
        supervisor({
          strategy,
          children: [
            { id: 'a', start: worker('a', seen) },
            { id: 'b', start: worker('b', seen) },
          ],
        }),
      )
      const a = await childRef<WorkerMessage>(top, 'a')
      const b = await childRef<WorkerMessage>(top, 'b')
      crash(a)
      await Promise.resolve()
      for (const text of ['1', '2']) b.tell({ type: 'note', text })
      await settle()
      b.tell({ type: 'note', text: '3' })
      await settle()
      expect(seen.filter(line => line.startsWith('start b'))).toEqual(['start b 1', 'start b 2'])
      expect(notes(seen)).toEqual(['b: 1', 'b: 2', 'b: 3'])
    })

  test('mail waits through starts that fail', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const top = stage.spawn(
      supervisor({
        intensity: 5,
        children: [{ id: 'a', start: worker('a', seen, { starts: ['ok', BOOM, BOOM, 'ok'] }) }],
      }),
    )
    const a = await childRef<WorkerMessage>(top, 'a')
    crash(a)
    a.tell({ type: 'note', text: 'patient' })
    await settle()
    expect(seen).toEqual(['start a 1', 'stop a 1 error', 'fail a 2', 'fail a 3', 'start a 4', 'a: patient'])
  })
})

describe('what waits for a child', () => {
  const one = (restart: 'transient' | 'temporary') =>
    supervisor({ children: [{ id: 'a', restart, start: worker('a', []) }] })

  test.each(['transient', 'temporary'] as const)('that is %s and stays down goes to dead letters', async restart => {
    await using stage = new Stage()
    const a = await childRef<WorkerMessage>(stage.spawn(one(restart)), 'a')
    a.tell({ type: 'end', reason: { type: 'normal' } })
    a.tell({ type: 'note', text: 'too late' })
    const asked = rejection(a.ask(replyTo => ({ type: 'echo', text: '', replyTo })))
    expect(await asked).toMatchObject({ code: 'ACTOR_STOPPED' })
    a.tell({ type: 'note', text: 'later still' })
    expect(stage.reasons()).toEqual(['stopped', 'stopped'])
  })

  test('that is terminated by hand goes to dead letters, and restarted by hand it has a new ref', async () => {
    await using stage = new Stage()
    const top = stage.spawn(one('transient'))
    const control = supervisorControl(top)
    const a = await childRef<WorkerMessage>(top, 'a')
    expect(await control.terminateChild('a')).toEqual({ ok: true })
    a.tell({ type: 'note', text: 'nobody' })
    expect(stage.reasons()).toEqual(['stopped'])
    const restarted = await control.restartChild('a')
    expect(restarted).toMatchObject({ ok: true })
    const again = await childRef<WorkerMessage>(top, 'a')
    expect(again).not.toBe(a)
    expect(again.path).toBe(a.path)
    expect(await again.ask(replyTo => ({ type: 'echo', text: 'new', replyTo }))).toBe('new')
  })

  test('that answers `ignore` to a restart goes to dead letters', async () => {
    await using stage = new Stage()
    const top = stage.spawn(
      supervisor({ children: [{ id: 'a', start: worker('a', [], { starts: ['ok', 'ignore'] }) }] }),
    )
    const a = await childRef<WorkerMessage>(top, 'a')
    crash(a)
    a.tell({ type: 'note', text: 'nobody' })
    await settle()
    expect(stage.reasons()).toEqual(['stopped'])
    expect(await supervisorControl(top).whichChildren()).toMatchObject([{ id: 'a', status: 'down', ref: null }])
  })

  test('whose supervisor gives up goes to dead letters, siblings included', async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const children = ['a', 'b'].map(id => ({ id, start: worker(id, seen) }))
    const top = stage.spawn(supervisor({ intensity: 0, children }))
    const a = await childRef<WorkerMessage>(top, 'a')
    const b = await childRef<WorkerMessage>(top, 'b')
    crash(a)
    a.tell({ type: 'note', text: 'for a' })
    await stage.system.whenTerminated
    b.tell({ type: 'note', text: 'for b' })
    expect(stage.letters.map(letter => [letter.recipient, letter.reason])).toEqual([
      [a.path, 'stopped'],
      [b.path, 'stopped'],
    ])
    expect(notes(seen)).toEqual([])
  })

  test('that its group left behind when the restart of a sibling was given up by hand goes to dead letters', async () => {
    await using stage = new Stage()
    const failing = neverStartsAgain()
    const top = stage.spawn(
      supervisor({
        strategy: 'rest-for-one',
        intensity: 1_000_000,
        children: [
          { id: 'a', start: failing.behavior },
          { id: 'b', start: worker('b', []) },
          { id: 'c', start: worker('c', []) },
        ],
      }),
    )
    const [a, b] = [await childRef<WorkerMessage>(top, 'a'), await childRef<WorkerMessage>(top, 'b')]
    crash(a)
    while (failing.failedStarts() < 2) await settle()
    b.tell({ type: 'note', text: 'for the next incarnation' })
    await supervisorControl(top).terminateChild('c')
    expect(stage.letters).toEqual([])
    await supervisorControl(top).terminateChild('a')
    expect(stage.letters).toMatchObject([{ recipient: b.path, reason: 'stopped' }])
    expect(await supervisorControl(top).whichChildren()).toMatchObject(Array(3).fill({ status: 'down' }))
  })
})

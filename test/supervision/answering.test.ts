import {
  type ActorRef,
  childRef,
  type DynamicSupervisorMessage,
  dynamicControl,
  dynamicSupervisor,
  type ReplyTo,
  type SupervisorMessage,
  supervisor,
  supervisorControl,
} from 'troupe'
import { describe, expect, test } from 'vitest'
import { Stage, settle } from '../kernel/support.ts'
import { worker } from './support.ts'

/** Where no answer can go. */
const DEAD_ENDS: Record<string, ReplyTo<unknown>> = {
  'whose tell throws': {
    tell: () => {
      throw new Error('hands off')
    },
  },
  'that is missing': undefined as unknown as ReplyTo<unknown>,
}

const lost = (stage: Stage): number =>
  stage.logger.lines.filter(line => line.text === '/test/top: an answer was lost, its replyTo failed').length

describe.each(Object.entries(DEAD_ENDS))('a replyTo %s', (_what, replyTo) => {
  test('takes no supervisor with it, nor its children', { timeout: 2_000 }, async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const top = stage.spawn(supervisor({ children: [{ id: 'a', start: worker('a', seen) }] }), 'top')
    const messages: SupervisorMessage[] = [
      { type: 'which-children', replyTo },
      { type: 'start-child', spec: { id: 'b', start: worker('b', seen) }, replyTo },
      { type: 'start-child', spec: { id: '', start: worker('c', seen) }, replyTo },
      { type: 'terminate-child', id: 'b', replyTo },
      { type: 'restart-child', id: 'b', replyTo },
      { type: 'delete-child', id: 'none', replyTo },
    ]
    for (const message of messages) top.tell(message)
    expect((await supervisorControl(top).whichChildren()).map(child => child.id)).toEqual(['a', 'b'])
    expect((await childRef(top, 'a')).path).toBe('/test/top/a')
    expect(seen).toEqual(['start a 1', 'start b 1', 'stop b 1 shutdown', 'start b 2'])
    expect(lost(stage)).toBe(messages.length)
  })

  test('takes no dynamic supervisor with it, and stops nobody’s turn', { timeout: 2_000 }, async () => {
    await using stage = new Stage()
    const seen: string[] = []
    const top: ActorRef<DynamicSupervisorMessage<string, never>> = stage.spawn(
      dynamicSupervisor({
        maxChildren: 3,
        start: (name: string) => worker(name, seen, name === 'c' ? { starts: [new Error('no')] } : {}),
      }) as never,
      'top',
    )
    const control = dynamicControl(top)
    const a = await control.start('a')
    for (const args of ['b', 'c']) top.tell({ type: 'start-child', args, replyTo })
    await settle()
    if (!a.ok || a.ref === null) throw new Error('a did not start')
    top.tell({ type: 'terminate-child', ref: a.ref, replyTo })
    await settle()
    top.tell({ type: 'terminate-child', ref: a.ref, replyTo })
    top.tell({ type: 'count-children', replyTo })
    top.tell({ type: 'which-children', replyTo })
    expect(await control.count()).toMatchObject({ all: 1, up: 1 })
    expect(seen).toEqual(['start a 1', 'start b 1', 'fail c 1', 'stop a 1 shutdown'])
    expect(lost(stage)).toBe(6)
  })
})

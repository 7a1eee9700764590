import { describe, expect, test } from 'vitest'
import { behavior } from '../../src/kernel/behavior.ts'
import { DeadLetter } from '../../src/kernel/dead-letters.ts'
import type { ReplyTo } from '../../src/kernel/types.ts'
import { Stage, settle, VirtualStage } from './support.ts'

const leaf = behavior<unknown, null>({ initial: () => null, receive: state => state })

const ended = async (stage: Stage, name: string) => {
  const actor = stage.spawn(leaf, name)
  await actor.stop()
  return actor
}

describe('dead letters', () => {
  test('are counted, all of them, whether or not anybody listens', async () => {
    await using stage = new Stage()
    const actor = await ended(stage, 'gone')
    for (let i = 0; i < 100; i++) actor.tell(i)
    expect(stage.system.deadLetters.count).toBe(100)
  })

  test('carry the message, the receiver’s path and the reason', async () => {
    await using stage = new Stage()
    const actor = await ended(stage, 'gone')
    const message = { a: 1 }
    actor.tell(message)
    expect(stage.letters).toEqual([new DeadLetter(message, '/test/gone', 'stopped')])
    expect(stage.letters[0]?.message).toBe(message)
  })

  test('are logged at most every ten seconds, with the count since the line before, and never a payload', async () => {
    await using stage = new VirtualStage()
    const actor = await ended(stage, 'gone')
    for (let i = 0; i < 5; i++) actor.tell('secret')
    expect(stage.logger.lines).toMatchObject([
      { level: 'warn', text: 'dead letter for /test/gone (stopped); 1 since the last such line' },
    ])
    stage.clock.advance(9_999)
    actor.tell('secret')
    expect(stage.logger.lines).toHaveLength(1)
    stage.clock.advance(1)
    actor.tell('secret')
    expect(stage.logger.lines[1]).toMatchObject({ fields: { recipient: '/test/gone', reason: 'stopped', count: 6 } })
    expect(JSON.stringify(stage.logger.lines)).not.toContain('secret')
  })

  test('go to each listener until it unsubscribes', async () => {
    await using stage = new Stage()
    const actor = await ended(stage, 'gone')
    const [first, second]: [unknown[], unknown[]] = [[], []]
    const end = stage.system.deadLetters.subscribe(letter => first.push(letter.message))
    stage.system.deadLetters.subscribe(letter => second.push(letter.message))
    actor.tell(1)
    end()
    end()
    actor.tell(2)
    expect([first, second]).toEqual([[1], [1, 2]])
  })

  test('a listener that throws keeps none from the others, and is logged', async () => {
    await using stage = new Stage()
    const actor = await ended(stage, 'gone')
    const seen: unknown[] = []
    stage.system.deadLetters.subscribe(() => {
      throw new Error('deaf')
    })
    stage.system.deadLetters.subscribe(letter => seen.push(letter.message))
    actor.tell(1)
    actor.tell(2)
    expect(seen).toEqual([1, 2])
    expect(stage.logger.lines.filter(line => line.text === 'a dead-letter listener threw')).toHaveLength(2)
  })

  test('a listener cannot cause a loop: what it makes is counted only', async () => {
    await using stage = new Stage()
    const actor = await ended(stage, 'gone')
    let heard = 0
    stage.system.deadLetters.subscribe(letter => {
      heard++
      actor.tell('again')
      actor.tell(letter)
    })
    actor.tell('once')
    expect(heard).toBe(1)
    expect(stage.system.deadLetters.count).toBe(3)
  })

  test('a listener that leaves and comes back is called once for a letter, and one that comes meanwhile for the next', async () => {
    await using stage = new Stage()
    const actor = await ended(stage, 'gone')
    const calls: string[] = []
    const note = (name: string, message: unknown): number => calls.push(`${name} ${message}`)
    const hear = (letter: DeadLetter): void => {
      // Otherwise this would never end.
      if (note('again', letter.message) > 10) return
      end()
      end = stage.system.deadLetters.subscribe(hear)
    }
    let end = stage.system.deadLetters.subscribe(hear)
    let isFirst = true
    stage.system.deadLetters.subscribe(() => {
      if (isFirst) stage.system.deadLetters.subscribe(letter => note('new', letter.message))
      isFirst = false
    })
    actor.tell(1)
    expect(calls).toEqual(['again 1'])
    actor.tell(2)
    expect(calls.slice(1).toSorted()).toEqual(['again 2', 'new 2'])
  })

  test('a listener that another one ends is not called any more, not even for the same letter', async () => {
    await using stage = new Stage()
    const actor = await ended(stage, 'gone')
    let heard = 0
    stage.system.deadLetters.subscribe(() => end())
    const end = stage.system.deadLetters.subscribe(() => heard++)
    actor.tell(1)
    expect(heard).toBe(0)
  })

  test('an actor that takes them as messages and ends does not feed itself', async () => {
    await using stage = new Stage()
    const archive = await ended(stage, 'archive')
    stage.system.deadLetters.subscribe(letter => queueMicrotask(() => archive.tell(letter)))
    archive.tell('once')
    await settle()
    expect(stage.system.deadLetters.count).toBe(2)
  })

  test('what an ended incarnation sends by its context is one with the reason `killed`, to an ask as well', async () => {
    await using stage = new Stage()
    const target = stage.spawn(leaf, 'target')
    let send = (): void => undefined
    const asked: ReplyTo<string>[] = []
    const actor = stage.spawn(
      behavior<{ replyTo: ReplyTo<string> }, null>({
        initial: () => null,
        receive: (state, message, context) => {
          asked.push(message.replyTo)
          send = () => {
            context.tell(target, 'late')
            context.tell(message.replyTo, 'late answer')
          }
          return state
        },
      }),
    )
    const ask = actor.ask(replyTo => ({ replyTo })).catch(() => undefined)
    await settle()
    actor.kill()
    await ask
    send()
    expect(stage.letters).toMatchObject([
      { message: 'late', recipient: '/test/target', reason: 'killed' },
      { message: 'late answer', recipient: 'ask', reason: 'killed' },
    ])
  })
})

import { describe, expect, test } from 'vitest'
import { type Behavior, become, behavior } from '../../src/kernel/behavior.ts'
import { DeadLetter } from '../../src/kernel/dead-letters.ts'
import type { ActorContext, ActorRef, ReplyTo } from '../../src/kernel/types.ts'
import { childRef } from '../../src/supervision/control.ts'
import { pool } from '../../src/supervision/pool.ts'
import { supervisor } from '../../src/supervision/supervisor.ts'
import { Stage, settle, sleep, VirtualStage } from './support.ts'

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

  describe('that come of a listener’s own doings end', () => {
    type Told = { readonly round: number; readonly replyTo?: ReplyTo<unknown> }
    type Again = (round: number) => void
    type Ways = { readonly [way: string]: (stage: Stage, gone: ActorRef<Told>) => Again | Promise<Again> }

    const handler = (receive: (message: Told, context: ActorContext<Told>) => unknown) =>
      behavior<Told, null>({
        initial: () => null,
        receive: (state, message, context) => {
          const waits = receive(message, context)
          return waits instanceof Promise ? waits.then(() => state) : state
        },
      })
    const teller = (gone: ActorRef<Told>) => handler(message => gone.tell(message))
    const failing = (): never => {
      throw new Error('no')
    }
    const withHook = (hook: (context: ActorContext<Told>) => Promise<void>) =>
      behavior<Told, null>({
        initial: () => null,
        receive: failing,
        onStop: (_, __, context) => hook(context),
      })
    const supervised = (stage: Stage, start: Behavior<Told>): Promise<ActorRef<Told>> => {
      const top = stage.spawn(supervisor({ intensity: 10_000, children: [{ id: 'child', start }] }))
      return childRef<Told>(top, 'child')
    }

    const ways: Ways = {
      'an actor that it tells': (stage, gone) => {
        const actor = stage.spawn(teller(gone))
        return round => actor.tell({ round })
      },
      'an actor that it offers to': (stage, gone) => {
        const actor = stage.spawn(teller(gone))
        return round => void actor.offer({ round }).catch(() => undefined)
      },
      'an actor that it asks': (stage, gone) => {
        const actor = stage.spawn(teller(gone))
        return round => void actor.ask(replyTo => ({ round, replyTo })).catch(() => undefined)
      },
      'actors one behind the other': (stage, gone) => {
        const last = stage.spawn(teller(gone))
        const first = stage.spawn(handler((message, context) => context.tell(last, message)))
        return round => first.tell({ round })
      },
      'an actor that it spawns': (stage, gone) => round => {
        stage.spawn(
          behavior<never, null>({
            initial: () => {
              gone.tell({ round })
              return null
            },
            receive: state => state,
          }),
        )
      },
      'an async handler': (stage, gone) => {
        const actor = stage.spawn(
          handler(async (message, context) => {
            await null
            context.tell(gone, message)
          }),
        )
        return round => actor.tell({ round })
      },
      'an async handler that asks': (stage, gone) => {
        const actor = stage.spawn(teller(gone))
        const asker = stage.spawn(
          handler(async (message, context) => {
            await null
            context.ask(actor, replyTo => ({ ...message, replyTo })).catch(() => undefined)
          }),
        )
        return round => asker.tell({ round })
      },
      'a pipe': (stage, gone) => {
        const actor = stage.spawn(
          handler((message, context) => {
            if (message.round < 0) gone.tell(message)
            else context.pipeToSelf(Promise.resolve(), () => ({ round: -1 }))
          }),
        )
        return round => actor.tell({ round: Math.abs(round) })
      },
      'a timer': (stage, gone) => {
        const actor = stage.spawn(
          handler((message, context) => {
            if (message.round < 0) gone.tell(message)
            else context.timers.start('later', { round: -1 }, { afterMs: 0 })
          }),
        )
        return round => actor.tell({ round: Math.abs(round) })
      },
      'a stash': (stage, gone) => {
        let isSecond = false
        const actor = stage.spawn(
          behavior<Told, null>({
            initial: () => null,
            stash: { capacity: 1 },
            receive: (state, message, context) => {
              if (isSecond) gone.tell(message)
              else {
                context.stash()
                context.unstashAll()
              }
              isSecond = !isSecond
              return state
            },
          }),
        )
        return round => actor.tell({ round })
      },
      'a message that is parked': async stage => {
        const child = { id: 'crashing', start: handler(failing), redeliver: { attempts: 2 } }
        const top = stage.spawn(supervisor({ intensity: 10_000, children: [child] }))
        const actor = await childRef<Told>(top, 'crashing')
        return round => actor.tell({ round })
      },
      'the end of an actor that another one watches': (stage, gone) => {
        const watcher = stage.spawn(
          behavior<ActorRef<never>, null>({
            initial: () => null,
            receive: (state, other, context) => {
              context.watch(other)
              return state
            },
            onSignal: (state, signal, context) => {
              context.tell(gone, { round: signal.type.length })
              return state
            },
          }),
        )
        return () => {
          const watched = stage.spawn(leaf)
          watcher.tell(watched)
          watched.stop()
        }
      },
      'the end of an actor that an async handler spawns, watches and stops': (stage, gone) => {
        const actor = stage.spawn(
          behavior<Told, null>({
            initial: () => null,
            receive: async (state, _, context) => {
              await null
              const child = context.spawn(withHook(async () => undefined))
              context.watch(child)
              context.tell(child, { round: 0 })
              return state
            },
            onSignal: (state, signal, context) => {
              if (signal.type === 'terminated') context.tell(gone, { round: 0 })
              return state
            },
          }),
        )
        return round => actor.tell({ round })
      },
      'the end of a child': (stage, gone) => {
        const parent = stage.spawn(
          behavior<Told, null>({
            initial: () => null,
            receive: (state, _, context) => {
              context.spawn(withHook(async () => undefined)).stop()
              return state
            },
            onSignal: (state, _, context) => {
              context.tell(gone, { round: 0 })
              return state
            },
          }),
        )
        return round => parent.tell({ round })
      },
      'the incarnation that follows one that it crashed': async (stage, gone) => {
        let starts = 0
        const start = behavior<Told, null>({
          initial: context => {
            if (starts++ > 0) context.tell(gone, { round: starts })
            return null
          },
          receive: failing,
        })
        const actor = await supervised(stage, start)
        return round => actor.tell({ round })
      },
      'the incarnation that follows one that an async handler crashed': async (stage, gone) => {
        let starts = 0
        const start = behavior<Told, null>({
          initial: async context => {
            await null
            if (starts++ > 0) context.tell(gone, { round: starts })
            return null
          },
          receive: async () => failing(),
        })
        const actor = await supervised(stage, start)
        return round => actor.tell({ round })
      },
      'the incarnations of a group that it crashed': async (stage, gone) => {
        let starts = 0
        const sibling = behavior<Told, null>({
          initial: context => {
            if (starts++ > 0) context.tell(gone, { round: starts })
            return null
          },
          receive: state => state,
        })
        const children = [
          { id: 'sibling', start: sibling },
          { id: 'crashing', start: handler(failing) },
        ]
        const top = stage.spawn(supervisor({ strategy: 'one-for-all', intensity: 10_000, children }))
        const actor = await childRef<Told>(top, 'crashing')
        return round => actor.tell({ round })
      },
      'a stop hook after a crash': async (stage, gone) => {
        const actor = await supervised(
          stage,
          withHook(async context => {
            await settle()
            context.tell(gone, { round: 0 })
          }),
        )
        return round => actor.tell({ round })
      },
      'a handler that fails its actor by the context': async (stage, gone) => {
        const start = behavior<Told, null>({
          initial: () => null,
          receive: async (state, _, context) => {
            await null
            context.fail(new Error('no'))
            return state
          },
          onStop: (_, __, context) => context.tell(gone, { round: 0 }),
        })
        const actor = await supervised(stage, start)
        return round => actor.tell({ round })
      },
      'what an async handler becomes': (stage, gone) => {
        const next = (): Behavior<Told> =>
          behavior<Told, null>({
            initial: () => {
              gone.tell({ round: 0 })
              return null
            },
            receive: async () => become(next()),
          })
        const actor = stage.spawn(behavior<Told, null>({ initial: () => null, receive: async () => become(next()) }))
        return round => actor.tell({ round })
      },
      'a timer of an async handler': (stage, gone) => {
        const actor = stage.spawn(
          handler(async (message, context) => {
            await null
            if (message.round < 0) context.tell(gone, message)
            else context.timers.start('later', { round: -1 }, { afterMs: 0 })
          }),
        )
        return round => actor.tell({ round: Math.abs(round) })
      },
      'a pool': (stage, gone) => {
        const workers = pool(stage.system, { worker: teller(gone), size: 1 })
        return round => {
          workers.tell({ round })
          workers.tell({ round })
        }
      },
    }

    test.each(Object.keys(ways))('by %s', async way => {
      await using stage = new Stage()
      const gone = stage.spawn(teller(null as never), 'gone')
      await gone.stop()
      const again = await (ways[way] as Ways[string])(stage, gone)
      let heard = 0
      stage.system.deadLetters.subscribe(() => {
        heard++
        if (heard < 1_000) again(heard)
      })
      gone.tell({ round: 0 })
      while (stage.system.deadLetters.unheard === 0 && heard < 1_000) await sleep(1)
      for (let turn = 0; turn < 50; turn++) await settle()
      expect(heard).toBeLessThan(20)
      expect(heard).toBeGreaterThanOrEqual(3)
      const { count, unheard } = stage.system.deadLetters
      expect(count).toBe(heard + unheard)
      expect(unheard).toBeGreaterThan(0)
      expect(stage.logger.lines.filter(({ text }) => text.includes('again and again'))).toHaveLength(1)
      // What no letter led to is heard as ever.
      const before = heard
      gone.tell({ round: 0 })
      expect(heard).toBe(before + 1)
    })
  })
})

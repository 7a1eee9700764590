import { describe, expect, test } from 'vitest'
import { behavior } from '../../src/kernel/behavior.ts'
import type { ActorContext, PipedResult } from '../../src/kernel/types.ts'
import { Stage, settle } from './support.ts'

interface Piped {
  readonly result: PipedResult<number>
}
type Message = { readonly pipe: PromiseLike<number> } | Piped

const asMessage = (result: PipedResult<number>): Message => ({ result })

const piping = (seen: PipedResult<number>[], toMessage = asMessage) =>
  behavior<Message, null>({
    initial: () => null,
    receive: (state, message, context) => {
      if ('pipe' in message) context.pipeToSelf(message.pipe, toMessage)
      else seen.push(message.result)
      return state
    },
  })

describe('pipeToSelf', () => {
  test('brings what a promise resolved or rejected with as a message, while the actor handles others', async () => {
    await using stage = new Stage()
    const seen: PipedResult<number>[] = []
    const actor = stage.spawn(piping(seen))
    const boom = new Error('boom')
    let resolve!: (value: number) => void
    actor.tell({ pipe: new Promise<number>(done => (resolve = done)) })
    actor.tell({ pipe: Promise.reject(boom) })
    actor.tell({ pipe: Promise.reject('no error') as Promise<number> })
    await settle()
    resolve(7)
    await settle()
    expect(seen).toMatchObject([
      { ok: false, error: boom },
      { ok: false, error: { cause: 'no error' } },
      { ok: true, value: 7 },
    ])
    expect(stage.letters).toEqual([])
  })

  test('makes a dead letter `killed` of what comes after the incarnation has ended', async () => {
    await using stage = new Stage()
    const seen: PipedResult<number>[] = []
    const actor = stage.spawn(piping(seen), 'piping')
    let resolve!: (value: number) => void
    actor.tell({ pipe: new Promise<number>(done => (resolve = done)) })
    await settle()
    await actor.stop()
    resolve(7)
    await settle()
    expect(seen).toEqual([])
    expect(stage.letters).toMatchObject([
      { message: { result: { ok: true, value: 7 } }, recipient: '/test/piping', reason: 'killed' },
    ])
  })

  test('fails the actor when `toMessage` throws, and only the one that piped', async () => {
    await using stage = new Stage()
    const boom = new Error('no message')
    const actor = stage.spawn(
      piping([], () => {
        throw boom
      }),
      'piping',
    )
    actor.tell({ pipe: Promise.resolve(1) })
    await settle()
    expect(stage.system.inspect()).toEqual([])
    expect(stage.logger.lines).toMatchObject([{ level: 'error', fields: { error: boom } }])
  })

  test('logs what `toMessage` throws after the end', async () => {
    await using stage = new Stage()
    let context!: ActorContext<null>
    const actor = stage.spawn(
      behavior<null, null>({
        initial: own => {
          context = own
          return null
        },
        receive: state => state,
      }),
    )
    await settle()
    await actor.stop()
    const boom = new Error('no message')
    context.pipeToSelf(Promise.resolve(1), () => {
      throw boom
    })
    await settle()
    expect(stage.logger.lines).toMatchObject([{ level: 'debug', fields: { error: boom } }])
  })
})

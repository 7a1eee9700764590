import { expect, test } from 'vitest'
import { RuntimeError } from '../../src/base/errors.ts'
import { behavior } from '../../src/kernel/behavior.ts'
import type { ActorRef, ReplyTo } from '../../src/kernel/types.ts'
import { Entities, type EntitiesOptions, type EntityHooks } from '../../src/supervision/entities.ts'
import { supervisor } from '../../src/supervision/supervisor.ts'
import { gate, rejection, settle, VirtualStage } from '../kernel/support.ts'

type Message =
  | { readonly type: 'note'; readonly text: string }
  | { readonly type: 'read'; readonly replyTo: ReplyTo<readonly string[]> }
  | { readonly type: 'hold'; readonly until: Promise<void> }
  | { readonly type: 'crash' }
  | { readonly type: 'fatal' }

const note = (text: string): Message => ({ type: 'note', text })
const crash: Message = { type: 'crash' }

/** Entities that note what they are told, with what happened to them. */
class Cast extends VirtualStage {
  /** Of all entities, over their restarts: `id: what`. */
  readonly noted: string[] = []
  readonly takenBack: unknown[] = []
  entities!: Entities<Message>
  ref!: ActorRef<never>
  onStop: (id: string) => Promise<void> = async () => undefined
  startFails = (_id: string): boolean => false
  startWaits = (_id: string): Promise<void> | null => null

  make(options: EntitiesOptions = {}, hooks: Partial<EntityHooks<Message>> = {}): Entities<Message> {
    this.entities = new Entities<Message>({ behaviorOf: id => this.entity(id), clock: this.clock, ...hooks }, options)
    return this.entities
  }

  host(options: EntitiesOptions = {}, hooks: Partial<EntityHooks<Message>> = {}): Entities<Message> {
    this.ref = this.spawn(this.make(options, hooks).behavior, 'entities')
    return this.entities
  }

  read(id: string): Promise<readonly string[]> {
    return this.entities.ask<readonly string[]>(id, replyTo => ({ type: 'read', replyTo }))
  }

  async pass(ms: number, stepMs = 5): Promise<void> {
    await settle()
    for (let passed = 0; passed < ms; passed += stepMs) {
      this.clock.advance(stepMs)
      await settle()
    }
  }

  private entity(id: string) {
    return behavior<Message, string[]>({
      initial: () => {
        if (this.startFails(id)) throw new Error('cannot start')
        const wait = this.startWaits(id)
        if (wait !== null) return wait.then(() => [])
        this.noted.push(`${id}: started`)
        return []
      },
      receive: (notes, message) => {
        switch (message.type) {
          case 'note':
            this.noted.push(`${id}: ${message.text}`)
            return [...notes, message.text]
          case 'read':
            message.replyTo.tell(notes)
            return notes
          case 'hold':
            return message.until.then(() => notes)
          case 'crash':
            throw new Error('crashed')
          case 'fatal':
            throw new RuntimeError('JOURNAL_FENCED', 'fenced')
        }
      },
      onStop: async (_notes, reason) => {
        this.noted.push(`${id}: ${reason.type === 'error' ? 'crashed' : 'stopped'}`)
        await this.onStop(id)
      },
    })
  }
}

test('starts an entity by its first message, one per id', async () => {
  await using cast = new Cast()
  const entities = cast.host()
  entities.tell('a', note('1'))
  entities.tell('b', note('1'))
  entities.tell('a', note('2'))
  expect(await cast.read('a')).toEqual(['1', '2'])
  expect(entities.live).toBe(2)
})

test('holds what comes before its own first start, in order', async () => {
  await using cast = new Cast()
  const entities = cast.make()
  entities.tell('a', note('1'))
  const asked = cast.read('a')
  entities.tell('a', note('2'))
  cast.spawn(entities.behavior)
  expect(await asked).toEqual(['1'])
  expect(await cast.read('a')).toEqual(['1', '2'])
})

test('passivates an entity that is idle for the time, up to a quarter longer, and starts it again by a message', async () => {
  await using cast = new Cast()
  const entities = cast.host({ passivateAfterMs: 100 })
  entities.tell('a', note('1'))
  await cast.pass(95)
  expect(entities.live).toBe(1)
  await cast.pass(60)
  expect(entities.live).toBe(0)
  expect(await cast.read('a')).toEqual([])
})

test('does not passivate one that is at work, or was told something meanwhile', async () => {
  await using cast = new Cast()
  const entities = cast.host({ passivateAfterMs: 100 })
  const { opened, open } = gate()
  entities.tell('busy', { type: 'hold', until: opened })
  entities.tell('used', note('1'))
  for (let i = 0; i < 10; i++) {
    await cast.pass(40)
    entities.tell('used', note('again'))
  }
  await settle()
  expect(cast.noted).not.toContain('busy: stopped')
  expect(cast.noted).not.toContain('used: stopped')
  open()
})

test('loses no message in the change: those that come while it stops are handled by its successor, in order', async () => {
  await using cast = new Cast()
  const entities = cast.host({ passivateAfterMs: 100 })
  const { opened, open } = gate()
  cast.onStop = () => opened
  entities.tell('a', note('1'))
  await cast.pass(200)
  expect(cast.noted).toEqual(['a: started', 'a: 1', 'a: stopped'])
  entities.tell('a', note('2'))
  const asked = cast.read('a')
  entities.tell('a', note('3'))
  open()
  expect(await asked).toEqual(['2'])
  await settle()
  expect(cast.noted.slice(3)).toEqual(['a: started', 'a: 2', 'a: 3'])
  expect(cast.letters).toEqual([])
})

test('under a flood of 10,000 ids never more than the cap live, and each has its message', async () => {
  await using cast = new Cast()
  const entities = cast.host({ maxLive: 100 })
  for (let i = 0; i < 10_000; i++) {
    entities.tell(`id-${i}`, note('1'))
    entities.tell(`id-${i}`, note('2'))
  }
  let liveMax = 0
  let passedMs = 0
  const handled = (): number => cast.noted.filter(line => line.endsWith(': 2')).length
  while (handled() < 10_000 && passedMs < 5_000) {
    await cast.pass(5)
    passedMs += 5
    liveMax = Math.max(liveMax, entities.live)
  }
  expect(handled()).toBe(10_000)
  expect(liveMax).toBeLessThanOrEqual(100)
  const ofOne = cast.noted.filter(line => line.startsWith('id-9999:'))
  expect(ofOne.slice(0, 3)).toEqual(['id-9999: started', 'id-9999: 1', 'id-9999: 2'])
})

test('makes room as soon as an entity has nothing to do, whatever the time', async () => {
  await using cast = new Cast()
  const starts: (() => void)[] = []
  // As from a shared store: no entity is up in the turn that it was opened in.
  cast.startWaits = () => new Promise(resolve => starts.push(resolve))
  const entities = cast.host({ maxLive: 10 })
  for (let i = 0; i < 500; i++) entities.tell(`id-${i}`, note('1'))
  for (let turns = 0; turns < 600 && cast.noted.filter(line => line.endsWith(': 1')).length < 500; turns++) {
    await settle()
    expect(entities.live).toBeLessThanOrEqual(10)
    for (const start of starts.splice(0)) start()
  }
  expect(cast.noted.filter(line => line.endsWith(': 1'))).toHaveLength(500)
})

test('at the cap the entity that was used longest ago makes room', async () => {
  await using cast = new Cast()
  const entities = cast.host({ maxLive: 3 })
  for (const id of ['a', 'b', 'a', 'c', 'b', 'new']) {
    entities.tell(id, note('1'))
    await settle()
  }
  // Room is made ahead, at 95 % of the cap: two live at a time.
  expect(cast.noted.filter(line => line.endsWith('stopped'))).toEqual(['b: stopped', 'a: stopped', 'c: stopped'])
})

test('one that rests after a crash makes room once its rest is over', async () => {
  await using cast = new Cast()
  const entities = cast.host({ maxLive: 1, backoff: { minMs: 100, maxMs: 100 } })
  entities.tell('a', crash)
  await settle()
  const asked = cast.read('b')
  await cast.pass(110)
  expect(await asked).toEqual([])
})

test('what waits for room is refused when the supervisor is stopped, and when it is killed', async () => {
  for (const end of ['stop', 'kill'] as const) {
    await using cast = new Cast()
    const entities = cast.host({ maxLive: 1, shutdownMs: 10 })
    entities.tell('a', { type: 'hold', until: new Promise(() => undefined) })
    const asked = rejection(cast.read('b'))
    entities.tell('b', note('1'))
    await settle()
    if (end === 'stop') void cast.ref.stop()
    else cast.ref.kill()
    await cast.pass(20)
    expect(await asked).toMatchObject({ code: 'ACTOR_STOPPED' })
    expect(cast.reasons()).toEqual(['no-route'])
  }
})

test('a crashed entity rests, then starts again for what waits, without the message that it failed on', async () => {
  await using cast = new Cast()
  const entities = cast.host({ backoff: { minMs: 100, maxMs: 1_000 } })
  entities.tell('a', note('1'))
  entities.tell('a', crash)
  entities.tell('a', note('2'))
  const asked = cast.read('a')
  await cast.pass(75)
  expect(cast.noted).toEqual(['a: started', 'a: 1', 'a: crashed'])
  await cast.pass(30)
  expect(await asked).toEqual(['2'])
  expect(entities.restarts).toBe(1)
})

test('a crashed entity with nothing to do starts again with its next message only', async () => {
  await using cast = new Cast()
  const entities = cast.host({ backoff: { minMs: 10, maxMs: 10 } })
  entities.tell('a', crash)
  await cast.pass(500)
  expect(entities.restarts).toBe(0)
  expect(await cast.read('a')).toEqual([])
  expect(entities.restarts).toBe(1)
})

test('the rest doubles with every crash in a row, and begins anew after a calm time', async () => {
  await using cast = new Cast()
  const entities = cast.host({ backoff: { minMs: 100, maxMs: 400 }, passivateAfterMs: 60_000 })
  const restMs = async (): Promise<number> => {
    const before = cast.noted.length
    entities.tell('a', crash)
    entities.tell('a', note('next'))
    await settle()
    let passedMs = 0
    while (!cast.noted.slice(before).includes('a: next') && passedMs < 2_000) {
      await cast.pass(5)
      passedMs += 5
    }
    return passedMs
  }
  const rests = [await restMs(), await restMs(), await restMs(), await restMs()]
  for (const [i, wholeMs] of [100, 200, 400, 400].entries()) {
    expect(rests[i]).toBeGreaterThanOrEqual(0.8 * wholeMs)
    expect(rests[i]).toBeLessThanOrEqual(wholeMs + 5)
  }
  await cast.pass(1_000)
  expect(await restMs()).toBeLessThanOrEqual(105)
})

test('siblings of a crashing entity notice nothing, however often it crashes', async () => {
  await using cast = new Cast()
  const entities = cast.host({ backoff: { minMs: 1, maxMs: 1 } })
  entities.tell('b', note('1'))
  for (let i = 0; i < 50; i++) {
    entities.tell('a', crash)
    await cast.pass(5)
  }
  expect(await cast.read('b')).toEqual(['1'])
  expect(cast.noted.filter(line => line.startsWith('b:'))).toEqual(['b: started', 'b: 1'])
})

test('an entity that cannot start keeps its messages and is tried again', async () => {
  await using cast = new Cast()
  let failures = 0
  cast.startFails = () => failures++ < 2
  const entities = cast.host({ backoff: { minMs: 10, maxMs: 10 } })
  entities.tell('a', note('1'))
  const asked = cast.read('a')
  await cast.pass(50)
  expect(await asked).toEqual(['1'])
})

test('one that crashes while it is passivated rests like any other', async () => {
  await using cast = new Cast()
  const entities = cast.host({ passivateAfterMs: 100, backoff: { minMs: 50, maxMs: 50 } })
  const { opened, open } = gate()
  cast.onStop = () => opened
  entities.tell('a', note('1'))
  await cast.pass(200)
  cast.onStop = async () => undefined
  entities.tell('a', crash)
  entities.tell('a', note('2'))
  open()
  await settle()
  expect(cast.noted.slice(-2)).toEqual(['a: started', 'a: crashed'])
  await cast.pass(60)
  expect(cast.noted.slice(-2)).toEqual(['a: started', 'a: 2'])
})

test('a fatal error ends the supervisor, and its own supervisor decides', async () => {
  await using cast = new Cast()
  const entities = cast.make({}, { isFatal: error => (error as { code?: string }).code === 'JOURNAL_FENCED' })
  cast.spawn(supervisor({ intensity: 1, periodMs: 10_000, children: [{ id: 'entities', start: entities.behavior }] }))
  await settle()
  entities.tell('b', note('1'))
  entities.tell('a', { type: 'fatal' })
  await cast.pass(10)
  expect(cast.noted).toContain('b: stopped')
  expect(await cast.read('b')).toEqual([])
  entities.tell('a', { type: 'fatal' })
  await cast.pass(10)
  expect((await cast.system.whenTerminated).type).toBe('shutdown')
})

test('while its supervisor is down a tell is a dead letter, an ask fails, and what can be taken back is', async () => {
  await using cast = new Cast()
  const entities = cast.host(
    {},
    {
      takeBack: message => {
        if ((message as Message).type !== 'crash') return false
        cast.takenBack.push(message)
        return true
      },
    },
  )
  entities.tell('a', note('1'))
  await settle()
  await cast.ref.stop()
  entities.tell('a', note('2'))
  entities.tell('a', crash)
  expect(cast.letters.map(({ reason, recipient }) => [reason, recipient])).toEqual([['no-route', '/test/entities/a']])
  expect(cast.takenBack).toEqual([crash])
  expect(await rejection(cast.read('a'))).toMatchObject({ code: 'ACTOR_STOPPED' })
  expect(entities.live).toBe(0)
})

test('stops all its entities at once, each after the message that it handles, and kills them after the time', async () => {
  await using cast = new Cast()
  const entities = cast.host({ shutdownMs: 100 })
  const { opened, open } = gate()
  entities.tell('slow', { type: 'hold', until: opened })
  entities.tell('stuck', { type: 'hold', until: new Promise(() => undefined) })
  entities.tell('idle', note('1'))
  const queued = rejection(cast.read('stuck'))
  await settle()
  let stopped = false
  void cast.ref.stop({ shutdownMs: 'infinity' }).then(() => {
    stopped = true
  })
  await settle()
  expect(cast.noted).toContain('idle: stopped')
  open()
  await settle()
  expect(cast.noted).toContain('slow: stopped')
  expect(stopped).toBe(false)
  await cast.pass(100)
  expect(stopped).toBe(true)
  expect(cast.noted).not.toContain('stuck: stopped')
  expect(await queued).toMatchObject({ code: 'ACTOR_STOPPED' })
  expect(cast.clock.pending).toBe(0)
})

test("an ask's time counts from the ask: before the first start, without room, while it starts, and while it rests", async () => {
  await using cast = new Cast()
  const entities = cast.make({ maxLive: 2, backoff: { minMs: 1_000, maxMs: 1_000 } })
  const read = (id: string) => rejection(entities.ask(id, replyTo => ({ type: 'read', replyTo }), { timeoutMs: 300 }))
  const inTime = async (asked: Promise<unknown>): Promise<void> => {
    let error: unknown = null
    void asked.then(failure => {
      error = failure
    })
    await cast.pass(295)
    expect(error).toBeNull()
    await cast.pass(5)
    expect(error).toMatchObject({ code: 'ASK_TIMEOUT', message: expect.stringContaining('within 300 ms') })
  }
  await inTime(read('early'))

  cast.spawn(entities.behavior)
  await cast.pass(10)
  cast.startFails = () => true
  await inTime(read('resting'))
  cast.startFails = () => false
  cast.startWaits = () => new Promise(() => undefined)
  await inTime(read('starting'))
  await inTime(read('without room'))
  expect(cast.noted.filter(line => line.startsWith('early'))).toEqual([])
})

test('an ask whose time is none is refused, whether its entity has a mailbox or not, and nobody gets its message', async () => {
  await using cast = new Cast()
  const entities = cast.make({})
  const ask = () => rejection(entities.ask('a', replyTo => ({ type: 'read', replyTo }), { timeoutMs: Number.NaN }))
  expect(await ask()).toBeInstanceOf(RangeError)
  cast.spawn(entities.behavior)
  await cast.pass(10)
  expect(entities.live).toBe(0)
  expect(await ask()).toBeInstanceOf(RangeError)
  expect(entities.live).toBe(0)
})

test('an ask that waited for its mailbox keeps what is left of its time, and its end leaves no timer', async () => {
  await using cast = new Cast()
  const entities = cast.make({ passivateAfterMs: 1_000_000 })
  const ask = (id: string) =>
    entities.ask<readonly string[]>(id, replyTo => ({ type: 'read', replyTo }), { timeoutMs: 300 })
  const answered = ask('a')
  const late = rejection(
    entities.ask('b', () => ({ type: 'hold', until: new Promise(() => undefined) }), { timeoutMs: 300 }),
  )
  await cast.pass(200)
  cast.spawn(entities.behavior)
  expect(await answered).toEqual([])
  await cast.pass(95)
  let failure: unknown = null
  void late.then(error => {
    failure = error
  })
  await settle()
  expect(failure).toBeNull()
  await cast.pass(5)
  expect(failure).toMatchObject({
    code: 'ASK_TIMEOUT',
    message: expect.stringContaining('/b: no answer within 300 ms'),
  })
  // The sweep that looks for idle entities.
  expect(cast.clock.pending).toBe(1)
})

import { type Behavior, systemBehavior } from '../../src/kernel/behavior.ts'
import type { Cell, ChildExited, StartResult } from '../../src/kernel/cell.ts'
import type { Context } from '../../src/kernel/context.ts'
import type { DeadLetter } from '../../src/kernel/dead-letters.ts'
import { ActorSystem, type ActorSystemOptions } from '../../src/kernel/system.ts'
import type { ActorContext, ActorRef } from '../../src/kernel/types.ts'
import { RecordingLogger } from '../../src/testkit/recording-logger.ts'
import { VirtualClock } from '../../src/testkit/virtual-clock.ts'

/** A system whose log and dead letters are kept; disposing of it terminates. */
export class Stage implements AsyncDisposable {
  readonly system: ActorSystem
  readonly logger = new RecordingLogger()
  readonly letters: DeadLetter[] = []

  constructor(options: ActorSystemOptions = {}) {
    this.system = ActorSystem.start({ name: 'test', logger: this.logger, ...options })
    this.system.deadLetters.subscribe(letter => this.letters.push(letter))
  }

  spawn<Message>(behavior: Behavior<Message>, name?: string): ActorRef<Message> {
    return this.system.spawn(behavior, name === undefined ? {} : { name })
  }

  reasons(): string[] {
    return this.letters.map(letter => letter.reason)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.system.terminate({ shutdownMs: 'brutal-kill' })
  }
}

/** A stage on a clock that moves only when told; messages still run in the machine's own microtasks. */
export class VirtualStage extends Stage {
  readonly clock: VirtualClock
  constructor(options: Omit<ActorSystemOptions, 'ports'> = {}) {
    const clock = new VirtualClock()
    super({ ...options, ports: { clock } })
    this.clock = clock
  }
}

/** Lets everything run that needs no time: microtasks, and what gave the event loop back. */
export const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn++) await new Promise<void>(resolve => setImmediate(resolve))
}

export const sleep = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

export interface Gate {
  readonly opened: Promise<void>
  open(): void
}

export const gate = (): Gate => {
  let open = (): void => undefined
  const opened = new Promise<void>(resolve => {
    open = resolve
  })
  return { opened, open: () => open() }
}

export const cellOf = (context: ActorContext<never>): Cell => (context as unknown as Context).cell

/** Gives what a promise rejected with; a promise that resolves is an error. */
export const rejection = async (promise: Promise<unknown>): Promise<Error & { code?: string }> => {
  try {
    await promise
  } catch (error) {
    return error as Error
  }
  throw new Error('expected a rejection')
}

export interface Held {
  readonly child: Cell
  readonly exits: ChildExited[]
  readonly starts: StartResult[]
  readonly holder: ActorRef<never>
}

/** A parent that holds one child as supervisors do; `restart` says whether it starts it again after an unasked end. */
export const hold = async (
  stage: Stage,
  behavior: Behavior<never>,
  restart: (exit: ChildExited) => boolean = () => true,
  name: string | null = null,
): Promise<Held> => {
  const exits: ChildExited[] = []
  const starts: StartResult[] = []
  let child!: Cell
  const holder = stage.spawn(
    systemBehavior<never, null>(
      {
        initial: async context => {
          child = cellOf(context).holdChild(behavior, name)
          starts.push(await child.start())
          return null
        },
        receive: state => state,
        onSignal: async (state, signal) => {
          const exit = signal as unknown as ChildExited
          if (exit.type !== 'child-exited') return state
          exits.push(exit)
          if (exit.incarnation === child.incarnation && restart(exit)) starts.push(await child.start())
          return state
        },
      },
      {},
    ),
  )
  while (starts.length === 0) await settle()
  return { child, exits, starts, holder }
}

/**
 * Runs one scenario on the real kernel and supervisor and tells what happened in the words of `shared/otp/README.md`.
 * Time is virtual: it moves on where everything else waits for it, so a sleep costs nothing and a trace never depends
 * on how busy the machine is.
 */
import { assert } from '../base/assert.ts'
import { silentLogger } from '../base/logger.ts'
import { systemExecutor } from '../base/ports.ts'
import { systemBehavior } from '../kernel/behavior.ts'
import type { Cell, ChildExited } from '../kernel/cell.ts'
import type { Context } from '../kernel/context.ts'
import { ActorSystem } from '../kernel/system.ts'
import type { ActorRef, ExitReason } from '../kernel/types.ts'
import { type SupervisorControl, supervisorControl } from '../supervision/control.ts'
import type {
  DeleteChildResult,
  RestartChildResult,
  SupervisorMessage,
  TerminateChildResult,
} from '../supervision/messages.ts'
import type { SupervisorSpec } from '../supervision/specification.ts'
import { SpecificationError } from '../supervision/specification-error.ts'
import { supervisor } from '../supervision/supervisor.ts'
import { ScenarioClock } from './supervisor-scenario-clock.ts'
import { Kid, type KidSpec } from './supervisor-scenario-kid.ts'
import { Trace } from './supervisor-scenario-trace.ts'

export interface Scenario {
  readonly name: string
  readonly flags: {
    readonly strategy: string
    readonly intensity: number
    /** Units: seconds. */
    readonly period: number
    readonly auto_shutdown: string
  }
  readonly kids: readonly KidSpec[]
  readonly events: readonly (readonly [string, ...(string | number)[]])[]
  readonly trace?: readonly string[]
}

/** The trace that this supervisor gives. **Errors**: an AssertionError for an event or a plan that has no meaning. */
export const traceOf = async (scenario: Scenario): Promise<string[]> => {
  const trace = new Trace()
  const kids = scenario.kids.map(spec => new Kid(spec, trace))
  const spec = specOf(scenario, kids)
  let behavior: ReturnType<typeof supervisor>
  try {
    behavior = supervisor(spec)
  } catch (error) {
    if (!(error instanceof SpecificationError)) throw error
    return [`start_error:${refusalIn(error)}`]
  }
  const stage = new Stage(behavior, trace)
  if (await stage.start()) await play(scenario, kids, stage, trace)
  await stage.close()
  return trace.words
}

const play = async (scenario: Scenario, kids: readonly Kid[], stage: Stage, trace: Trace): Promise<void> => {
  for (const event of scenario.events) {
    if (stage.isUp) await apply(event, kids, stage, trace)
    else trace.say('skip')
  }
  if (stage.isUp) trace.say(await childrenOf(stage))
  else if (stage.endedItself !== null) trace.say(`sup_exit:${stage.endedItself}`)
}

const apply = async (event: Scenario['events'][number], kids: readonly Kid[], stage: Stage, trace: Trace) => {
  const [what, first, second] = event
  const id = String(first)
  const { control } = stage
  const answered = (call: string, result: Promise<Result>): Promise<void> =>
    stage.ask(result.then(answer => trace.sayAsCaller(`${call}_child:${id}:${resultWord(answer)}`)))
  switch (what) {
    case 'die':
    case 'kill': {
      const ref = (await stage.ask(control.whichChildren())).find(
        child => child.id === id && child.status === 'up',
      )?.ref
      const kid = kids.find(each => each.spec.id === id)
      if (ref == null || kid === undefined) trace.say('nopid')
      else if (what === 'die') kid.die(ref, String(second))
      else {
        trace.say(`kill:${id}`)
        ref.kill()
      }
      break
    }
    case 'terminate':
      await answered('terminate', control.terminateChild(id))
      break
    case 'restart':
      await answered('restart', control.restartChild(id))
      break
    case 'delete':
      await answered('delete', control.deleteChild(id))
      break
    case 'children':
      trace.say(await childrenOf(stage))
      break
    case 'sleep':
      stage.clock.advance(Number(first))
      trace.say(`slept:${first}`)
      break
    case 'stop':
      await stage.stop()
      break
    default:
      assert(false, `scenario event ${JSON.stringify(event)} has no meaning`)
  }
  await stage.comeToRest()
}

type Result = TerminateChildResult | RestartChildResult | DeleteChildResult

/** OTP answers a start that failed with the reason of the start function, here `start_failed`. */
const resultWord = (result: Result): string => {
  if (!result.ok) return `error_${result.error.replaceAll('-', '_')}`
  if (!('ref' in result)) return 'ok'
  return result.ref === null ? 'ok_undefined' : 'ok_pid'
}

const childrenOf = async (stage: Stage): Promise<string> => {
  const children = await stage.ask(stage.control.whichChildren())
  const words = { up: 'up', down: 'undefined', restarting: 'restarting' }
  return `children:${children.map(({ id, status }) => `${id}=${words[status]}`).join(' ')}`
}

/** The supervisor under a parent of its own, which sees it end and never restarts it. */
class Stage {
  readonly clock = new ScenarioClock()
  private readonly system: ActorSystem
  private readonly cell: Promise<Cell>
  private held: Cell | null = null
  private readonly trace: Trace
  /** Word for the reason with which the supervisor ended unasked. */
  endedItself: string | null = null
  private ended = false

  constructor(behavior: ReturnType<typeof supervisor>, trace: Trace) {
    this.trace = trace
    // Nothing but the actors runs here: they need not give the event loop back, and one turn of it sees them all at rest.
    const executor = { soon: systemExecutor.soon, later: systemExecutor.soon }
    this.system = ActorSystem.start({ name: 'scenario', logger: silentLogger, ports: { clock: this.clock, executor } })
    this.cell = new Promise(resolve => {
      const parent = systemBehavior<never, null>(
        {
          initial: context => {
            resolve((context as unknown as Context).cell.holdChild(behavior, 'supervisor'))
            return null
          },
          receive: state => state,
          onSignal: (state, signal) => {
            const exit = signal as unknown as ChildExited
            this.endedItself = wordOf(exit.reason)
            this.ended = true
            return state
          },
        },
        {},
      )
      this.system.spawn(parent)
    })
  }

  /** Started, and neither ended nor on its way to it. */
  get isUp(): boolean {
    return this.held?.isUp === true
  }

  get control(): SupervisorControl {
    return supervisorControl(this.held as ActorRef<SupervisorMessage>)
  }

  /** Whether the supervisor started. It may have ended since. */
  async start(): Promise<boolean> {
    this.held = await this.cell
    const result = await this.ask(
      this.held.start().then(({ type }) => {
        this.trace.sayAsCaller(type === 'failed' ? 'start_error:shutdown_failed_to_start_child' : 'up')
        return type
      }),
    )
    if (result === 'failed') this.ended = true
    await this.comeToRest()
    return result !== 'failed'
  }

  async stop(): Promise<void> {
    const reason = await this.ask((this.held as Cell).shutdown('infinity'))
    this.ended = true
    this.trace.say(`sup_down:${wordOf(reason)}`)
  }

  async close(): Promise<void> {
    await this.ask(this.system.terminate({ shutdownMs: 'brutal-kill' }))
  }

  /** Until the supervisor has nothing left to do or has ended, letting the time pass that it waits for. */
  async comeToRest(): Promise<void> {
    await everythingElse()
    while (!this.isAtRest && this.clock.advanceToNext()) await everythingElse()
    this.trace.wait()
  }

  private get isAtRest(): boolean {
    return this.ended || this.held?.isIdle === true
  }

  /** The answer, letting the time pass that it takes. */
  async ask<T>(answer: Promise<T>): Promise<T> {
    let pending = true
    const settled = answer.finally(() => {
      pending = false
    })
    await everythingElse()
    while (pending && this.clock.advanceToNext()) await everythingElse()
    return settled
  }
}

/** Lets everything run that does not wait for time. */
const everythingElse = (): Promise<void> => new Promise(resolve => systemExecutor.later(resolve))

const specOf = ({ flags }: Scenario, kids: readonly Kid[]): SupervisorSpec =>
  // What is wrong in it is for the supervisor to find.
  ({
    strategy: dashed(flags.strategy),
    intensity: flags.intensity,
    periodMs: flags.period * 1_000,
    autoShutdown: dashed(flags.auto_shutdown),
    children: kids.map(({ spec, behavior }) => ({
      id: spec.id,
      start: behavior,
      restart: spec.restart,
      shutdownMs: typeof spec.shutdown === 'string' ? dashed(spec.shutdown) : spec.shutdown,
      significant: spec.significant,
    })),
  }) as SupervisorSpec

const dashed = (word: string): string => word.replaceAll('_', '-')

const wordOf = (reason: ExitReason): string => (reason.type === 'error' ? 'error' : reason.type)

const FLAG_WORDS: Readonly<Record<string, string>> = {
  strategy: 'strategy',
  intensity: 'intensity',
  periodMs: 'period',
  autoShutdown: 'auto_shutdown',
}

const CHILD_WORDS: Readonly<Record<string, string>> = {
  restart: 'invalid_restart_type',
  shutdownMs: 'invalid_shutdown',
  significant: 'invalid_significant',
}

/** The words that OTP refuses a specification with. */
const refusalIn = ({ childId, field, problem }: SpecificationError): string => {
  if (childId === null) return `supervisor_data_invalid_${FLAG_WORDS[field]}`
  if (problem === 'duplicate') return 'start_spec_duplicate_child_name'
  if (problem === 'combination') return 'start_spec_bad_combination'
  return `start_spec_${CHILD_WORDS[field]}`
}

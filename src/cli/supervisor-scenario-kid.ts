import { assert } from '../base/assert.ts'
import { type Behavior, behavior, NORMAL, SHUTDOWN, stopped } from '../kernel/behavior.ts'
import { type ActorRef, ignore } from '../kernel/types.ts'
import type { Trace } from './supervisor-scenario-trace.ts'

export interface KidSpec {
  readonly id: string
  readonly restart: string
  readonly shutdown: number | string
  readonly significant: boolean
  readonly plan: readonly string[]
}

interface Die {
  readonly reason: string
}

interface Life {
  /** Which start this is, from 1. */
  readonly nth: number
  readonly stubborn: boolean
  /** It ends by itself: nobody asked it to stop. */
  dying: boolean
}

/** A child of a scenario: does at each start what its plan says, and tells of it. */
export class Kid {
  readonly spec: KidSpec
  readonly behavior: Behavior<Die>
  private readonly trace: Trace
  private starts = 0

  constructor(spec: KidSpec, trace: Trace) {
    this.spec = spec
    this.trace = trace
    this.behavior = behavior<Die, Life>({
      initial: context => {
        const life = this.start()
        // A child that is killed says nothing, but its supervisor waits for its end.
        context.signal.addEventListener('abort', () => this.trace.wait())
        if (life !== ignore && life.diesOf !== null) context.self.tell({ reason: life.diesOf })
        return life
      },
      receive: (life, { reason }) => {
        life.dying = true
        this.trace.say(`die:${spec.id}:${life.nth}:${reasonWord(reason)}`)
        return end(reason)
      },
      onStop: life => this.stop(life),
    })
  }

  /** Makes the running child end itself. */
  die(ref: ActorRef<never>, reason: string): void {
    ;(ref as ActorRef<Die>).tell({ reason })
  }

  private start(): typeof ignore | (Life & { readonly diesOf: string | null }) {
    const { id, plan } = this.spec
    const nth = ++this.starts
    const step = plan[Math.min(nth, plan.length) - 1] ?? 'ok'
    if (step === 'error') {
      this.trace.sayAtOnce(`start_fail:${id}:${nth}`)
      throw new Error(`start ${nth} of ${id} fails as planned`)
    }
    if (step === 'ignore') {
      this.trace.sayAtOnce(`ignore:${id}:${nth}`)
      return ignore
    }
    const diesOf = /^\{dies,(.*)\}$/.exec(step)?.[1] ?? null
    assert(diesOf !== null || step === 'ok' || step === 'stubborn', `plan ${step} of ${id} has no meaning`)
    this.trace.say(`start:${id}:${nth}`)
    return { nth, stubborn: step === 'stubborn', dying: false, diesOf }
  }

  private stop({ nth, stubborn, dying }: Life): void | Promise<void> {
    if (dying) return
    if (!stubborn) {
      this.trace.say(`stop:${this.spec.id}:${nth}:shutdown`)
      return
    }
    this.trace.say(`ignores_shutdown:${this.spec.id}:${nth}`)
    return new Promise(() => undefined)
  }
}

const end = (reason: string) => {
  if (reason === 'normal') return stopped(NORMAL)
  if (reason === 'shutdown') return stopped(SHUTDOWN)
  const why = /^\{shutdown,(.*)\}$/.exec(reason)?.[1]
  if (why !== undefined) return stopped({ type: 'shutdown', cause: new Error(why) })
  throw new Error(reason)
}

/** `{shutdown,why}` is `shutdown_why`. */
const reasonWord = (reason: string): string => reason.replaceAll(/[{}]/g, '').replaceAll(',', '_')

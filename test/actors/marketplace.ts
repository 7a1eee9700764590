import type { Outgoing } from 'troupe'
import {
  type Application,
  type ApplicationEvent,
  type ApplicationView,
  application,
  choreography,
  type Delivery,
  orchestration,
  type PremiumEvent,
  type ProcessEvent,
  premium,
  quoteProcess,
  quoteProcessInput,
  type RiskEvent,
  risk,
} from '../../actors/index.ts'
import { Entity } from './entity.ts'

type DomainEvent = ApplicationEvent | RiskEvent | PremiumEvent | ProcessEvent
type AnyEntity = Entity<never, DomainEvent, unknown, unknown>

/** The three contexts joined by one log in memory, in either mode: every event and command goes through its translation. */
export class Marketplace {
  readonly log: { readonly event: DomainEvent | null; readonly outgoing: Outgoing | null }[] = []
  readonly #entities = new Map<string, AnyEntity>()
  readonly #mode: 'choreography' | 'orchestration'
  #read = 0

  constructor(mode: 'choreography' | 'orchestration') {
    this.#mode = mode
  }

  submit(request: Application): ApplicationView {
    this.#deliver('application', request.applicationId, { type: 'SubmitApplication', application: request })
    for (; this.#read < this.log.length; this.#read++) this.#follow(this.#read)
    return this.entity('application', request.applicationId).state as ApplicationView
  }

  entity(kind: string, id: string): AnyEntity {
    const key = `${kind}|${id}`
    const known = this.#entities.get(key)
    if (known !== undefined) return known
    const made: AnyEntity = new Entity(definitions[kind as keyof typeof definitions] as never, id)
    this.#entities.set(key, made)
    return made
  }

  #deliver(kind: string, id: string, command: unknown): void {
    const decision = this.entity(kind, id).handle(command as never, NOW_MS)
    for (const event of decision.events ?? []) this.log.push({ event, outgoing: null })
    for (const outgoing of decision.send ?? []) this.log.push({ event: null, outgoing })
  }

  #follow(index: number): void {
    const record = this.log[index]
    const routes = this.#mode === 'choreography' ? Object.values(choreography) : [quoteProcessInput]
    if (record?.event)
      for (const route of routes)
        if ((route.events as readonly string[]).includes(record.event.type)) this.#hand(route.translate, record.event)
    if (record?.outgoing)
      for (const route of Object.values(orchestration))
        if (route.address === record.outgoing.to) this.#hand(route.translate, record.outgoing.command)
  }

  #hand(translate: (payload: never) => Delivery<string, unknown>, payload: unknown): void {
    // What a bridge reads was stored: nothing of the objects themselves arrives, only what they say.
    const { kind, id, command } = translate(JSON.parse(JSON.stringify(payload)) as never)
    this.#deliver(kind, id, command)
  }
}

export const NOW_MS = 1_700_000_000_000

const definitions = { application, risk, premium, 'quote-process': quoteProcess }

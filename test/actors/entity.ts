import type { Decision, EventSourcedDefinition, Outgoing } from 'troupe'

/** One entity of a definition, driven by hand: what the runtime does to it, without mailbox and journal. */
export class Entity<Command, Event extends { readonly type: string }, State, Reply> {
  readonly id: string
  readonly events: Event[] = []
  readonly sent: Outgoing[] = []
  readonly #definition: EventSourcedDefinition<Command, Event, State, Reply>
  #state: State

  constructor(definition: EventSourcedDefinition<Command, Event, State, Reply>, id: string) {
    this.#definition = definition
    this.id = id
    this.#state = definition.initial(id)
  }

  get state(): State {
    return this.#state
  }

  handle(command: Command, nowMs = 0): Decision<Event, Reply> {
    const context = { id: this.id, nowMs, causationId: null, correlationId: null, principal: null }
    const decision = this.#definition.decide(this.#state, command, context)
    for (const event of decision.events ?? []) this.#state = this.#definition.evolve(this.#state, event)
    this.events.push(...(decision.events ?? []))
    this.sent.push(...(decision.send ?? []))
    return decision
  }

  /** The state that somebody gets who has only what was stored. */
  recovered(): State {
    const stored: Event[] = JSON.parse(JSON.stringify(this.events))
    return stored.reduce((state, event) => this.#definition.evolve(state, event), this.#definition.initial(this.id))
  }
}

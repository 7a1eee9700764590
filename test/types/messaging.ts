// Compiled, never run: what bridges, sources and routes accept and refuse.

import { type EntityKind, type EventStore, entities, eventSourced } from 'troupe'
import { logSource, type MessageSource, messageBridge, type Route, routeTo, type SourceMessage } from 'troupe/messaging'

interface Assess {
  readonly type: 'Assess'
  readonly customer: string
}
interface Forget {
  readonly type: 'Forget'
}
interface Placed {
  readonly type: 'Placed'
  readonly customer: string
}
interface Cancelled {
  readonly type: 'Cancelled'
  readonly reason: number
}

declare const store: EventStore
declare const risk: EntityKind<Assess | Forget, number>
const bills = entities(
  eventSourced<string, Placed, number>({ name: 'bills', initial: () => 0, decide: () => ({}), evolve: n => n }),
  store,
)

// A route's message is one that its receiver takes, at once or later.
const routes: readonly Route[] = [
  routeTo(risk, 'R24', { type: 'Forget' }),
  routeTo(risk, 'R24', Promise.resolve({ type: 'Forget' } as const), 'key'),
  routeTo(bills, 'a', 'text'),
]
void routes
// @ts-expect-error not of its messages
routeTo(risk, 'R24', { type: 'Approve' })
// @ts-expect-error a field is missing
routeTo(risk, 'R24', { type: 'Assess' })
// @ts-expect-error not of its messages, though later
routeTo(risk, 'R24', Promise.resolve('text'))
// @ts-expect-error it takes texts
routeTo(bills, 'a', { type: 'Forget' })
// @ts-expect-error nothing but `routeTo` knows that the receiver takes the message
const unchecked: Route = { to: risk, id: 'R24', message: 'text', key: null }
void unchecked

// A log source knows the payload of each type that it gives.
const placed: MessageSource<SourceMessage<'Placed', Placed>> = logSource<Placed>(store, 'g', { events: ['Placed'] })
void placed
// @ts-expect-error no such event
logSource<Placed | Cancelled>(store, 'g', { events: ['Refunded'] })
// @ts-expect-error no such address
logSource<never, { risk: Assess }>(store, 'g', { commands: ['premium'] })
const untyped: MessageSource = logSource(store, 'g', { events: ['Anything'], commands: ['anywhere'] })
void untyped

messageBridge({
  name: 'events',
  store,
  source: logSource<Placed | Cancelled>(store, 'events', { events: ['Placed', 'Cancelled'] }),
  translate: message => {
    switch (message.type) {
      case 'Placed':
        return routeTo(risk, 'R24', { type: 'Assess', customer: message.payload.customer })
      case 'Cancelled': {
        const reason: number = message.payload.reason
        // @ts-expect-error that is a field of the other one
        void message.payload.customer
        return reason === 0 ? null : routeTo(bills, 'a', 'cancelled')
      }
    }
  },
})

messageBridge({
  name: 'commands',
  store,
  source: logSource<Cancelled, { risk: Assess; bills: string }>(store, 'commands', { commands: ['risk', 'bills'] }),
  translate: message => {
    if (message.type === 'risk') return routeTo(risk, 'R24', message.payload)
    if (message.type === 'bills') return routeTo(bills, 'a', message.payload)
    // @ts-expect-error it takes no such event
    return routeTo(risk, 'R24', message.payload)
  },
})

messageBridge({
  name: 'unchecked',
  store,
  source: logSource(store, 'unchecked', { events: ['Placed'] }),
  // @ts-expect-error no route: nothing says that risk takes a text
  translate: () => ({ to: risk, id: 'R24', message: 'text' }),
})

messageBridge({
  name: 'untyped',
  store,
  source: logSource(store, 'untyped', { events: ['Placed'] }),
  translate: ({ payload }) => {
    // @ts-expect-error without types a payload is unknown
    void payload.customer
    return routeTo(risk, 'R24', payload as Assess)
  },
})

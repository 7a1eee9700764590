// Compiled, never run: what `decide` may give.

import { type Decision, eventSourced } from 'troupe'

type Added = { readonly type: 'Added'; readonly by: number }
const rest = { name: 'sum', initial: () => 0, evolve: (sum: number, { by }: Added) => sum + by }

eventSourced<number, Added, number, number>({
  ...rest,
  decide: (sum, by) => (by === 0 ? { reply: sum } : { events: [{ type: 'Added', by }], reply: sum + by }),
})
eventSourced<number, Added, number, number>({
  ...rest,
  // @ts-expect-error the key is `events`
  decide: (sum, by) => ({ event: [{ type: 'Added', by }], reply: sum + by }),
})
eventSourced<number, Added, number, number>({
  ...rest,
  // @ts-expect-error the same in one branch of several
  decide: (_sum, by) => (by > 0 ? { events: [{ type: 'Added', by }] } : { event: [{ type: 'Added', by }] }),
})
eventSourced<number, Added, number, number>({
  ...rest,
  // @ts-expect-error an event is no decision
  decide: (_sum, by) => ({ type: 'Added', by }),
})
eventSourced<number, Added, number, number>({
  ...rest,
  // @ts-expect-error a list of events is none
  decide: (_sum, by) => [{ type: 'Added', by }],
})
// @ts-expect-error where the type is written, any other key is refused, too
const misspelt: Decision<Added> = { events: [], sned: [] }
void misspelt

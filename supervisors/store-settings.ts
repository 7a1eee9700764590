import { type EventStore, entities, eventSourced } from 'troupe'

export type Mode = 'orchestration' | 'choreography'

interface ModeChosen {
  readonly type: 'ModeChosen'
  readonly mode: Mode
}

/**
 * What a store was begun with. Its log holds messages that only the bridges of one mode take up, and remembers by their
 * names what was handled: half of the applications by one mode and half by the other would be assessed twice or never.
 */
const storeSettings = eventSourced<{ readonly type: 'ChooseMode'; readonly mode: Mode }, ModeChosen, Mode | null, Mode>(
  {
    name: 'marketplace',
    initial: () => null,
    decide: (chosen, { mode }) =>
      chosen === null ? { events: [{ type: 'ModeChosen', mode }], reply: mode } : { reply: chosen },
    evolve: (_, event) => event.mode,
  },
)

export const settingsEntities = (store: EventStore) => {
  const kind = entities(storeSettings, store)
  return {
    behavior: kind.behavior,
    /** The store's mode: the one it was begun with, or, on a new one, `wanted`. */
    mode: (wanted: Mode): Promise<Mode> => kind.ask('settings', { type: 'ChooseMode', mode: wanted }),
  }
}

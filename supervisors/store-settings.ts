import { type ActorSystem, type EventStore, entities, eventSourced } from 'troupe'

export type Mode = 'orchestration' | 'choreography'

/** The store was begun in the other mode. */
export class ModeMismatch extends Error {
  override readonly name = 'ModeMismatch'
}

/** What a new store holds when its marketplace begins. */
export const SETTINGS_RECORDS = 1

/**
 * The store's mode: the one that it was begun with, or, on a new one, `wanted` (default `orchestration`), which it keeps.
 * **Errors**: ModeMismatch where another one is wanted; those of an ask.
 *
 * A store's log holds messages that only the bridges of one mode take up, and remembers by their names what was handled:
 * half of the applications by one mode and half by the other would be assessed twice or never.
 */
export const chooseMode = async (system: ActorSystem, store: EventStore, wanted: Mode | null): Promise<Mode> => {
  const settings = entities(storeSettings, store)
  const ref = system.spawn(settings.behavior, { name: 'settings' })
  const mode = await settings.ask('settings', { type: 'ChooseMode', mode: wanted ?? 'orchestration' })
  await ref.stop()
  if (wanted !== null && mode !== wanted)
    throw new ModeMismatch(
      `this store was begun in ${mode} mode, and applications under way in it can only go on so. ` +
        'Leave --mode out, or begin a new store (--fresh, or another --journal).',
    )
  return mode
}

interface ChooseMode {
  readonly type: 'ChooseMode'
  readonly mode: Mode
}

interface ModeChosen {
  readonly type: 'ModeChosen'
  readonly mode: Mode
}

const storeSettings = eventSourced<ChooseMode, ModeChosen, Mode | null, Mode>({
  name: 'marketplace',
  initial: () => null,
  decide: (chosen, { mode }) =>
    chosen === null ? { events: [{ type: 'ModeChosen', mode }], reply: mode } : { reply: chosen },
  evolve: (_, event) => event.mode,
})

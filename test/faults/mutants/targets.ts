/** The files that mutants are drawn from, and the tests that must notice. */
export interface Target {
  readonly file: string
  /** Paths under `test/` begin with one of these. */
  readonly tests: readonly string[]
}

/** They start processes of their own, in which there is no mutant. */
export const WITHOUT = [
  'kernel/signals.test',
  'kernel/ask-deadlines.test',
  'supervision/main-program.test',
  'supervision/supervisor-traces.test',
  'adapters/lmdb/crash.test',
  'adapters/lmdb/long-recovery.test',
]

const KERNEL = ['kernel/', 'supervision/', 'faults/tree']
const SUPERVISION = ['supervision/', 'faults/tree', 'faults/restart-counts']
const PERSISTENCE = ['persistence/', 'messaging/', 'supervision/entities', 'faults/marketplace']
const MEMORY_JOURNAL = ['persistence/', 'messaging/log-source']
const PACKED_JOURNAL = [
  'adapters/packed/',
  'adapters/lmdb/',
  'adapters/redis/journal-redis',
  'adapters/redis/damage',
  'adapters/redis/settings',
]

const inFolder = (folder: string, tests: readonly string[], names: readonly string[]): Target[] =>
  names.map(name => ({ file: `src/${folder}/${name}.ts`, tests }))

export const TARGETS: readonly Target[] = [
  ...inFolder('supervision', SUPERVISION, ['supervisor', 'restarting', 'exits', 'children']),
  ...inFolder('kernel', KERNEL, ['ring', 'receiver', 'running', 'scheduler']),
  ...inFolder('persistence', PERSISTENCE, ['entity', 'event-sourced-actor', 'inbox', 'inbox-window']),
  ...inFolder('persistence', PERSISTENCE, ['journal', 'event-store', 'partition-writer']),
  ...inFolder('persistence', MEMORY_JOURNAL, ['memory-journal']),
  ...inFolder('adapters/packed', PACKED_JOURNAL, ['packed-journal']),
]

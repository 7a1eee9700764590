/** `troupe/projection`: read models made of the log, in step with it. docs/projections.md has the promises. */

export { type IndexRange, sortable } from './entries.ts'
export { memoryViews } from './memory-views.ts'
export {
  type Change,
  type EventAbout,
  type ProjectionDefinition,
  projection,
  put,
  remove,
  update,
} from './projection.ts'
export {
  type LogPlace,
  type ReachedOptions,
  type ReadModel,
  type ReadModelStatus,
  readModel,
  type ViewPage,
} from './read-model.ts'
export type { Build, Builds, Entry, EntryRange, FoundRow, Offset, RowChange, ViewStore } from './view-store.ts'

/** How the keys of a store are named. Those of a partition lie in one slot of a cluster: what is in braces decides. */

export interface Keys {
  readonly state: string
  readonly heads: string
  readonly log: string
  readonly cursors: string
  readonly horizons: string
  readonly segments: string
  /** An id's follow: this and the id. */
  readonly snapshots: string
}

export const keysOf = (prefix: string, partition: number): Keys => {
  const slot = `{${prefix}:${partition}}`
  return {
    state: `${slot}:state`,
    heads: `${slot}:heads`,
    log: `${slot}:log`,
    cursors: `${slot}:cursors`,
    horizons: `${slot}:horizons`,
    segments: `${slot}:segments`,
    snapshots: `${slot}:snapshots:`,
  }
}

/** The store's description. */
export const metaKeyOf = (prefix: string): string => `${prefix}:meta`

/** What a cursor's checksum covers besides its number: so that none passes for another one. */
export const cursorName = (partition: number, group: string): string => `cursor ${partition} ${group}`

/** How a journal's keys are named: all of one partition share a slot. */

export const slotOf = (prefix: string, partition: number): string => `{${prefix}:${partition}}`

/** Format and number of partitions. */
export const metaKeyOf = (prefix: string): string => `${prefix}:meta`

import type { Asking, Connection } from './connection.ts'
import { keysOf } from './keys.ts'

/** The partitions that have a key at all, each with the keys of its snapshots. */
export const findPartitions = async (
  connection: Connection,
  prefix: string,
): Promise<ReadonlyMap<number, readonly string[]>> => {
  const found = new Map<number, string[]>()
  for (const ask of await connection.servers()) await findOn(ask, prefix, found)
  return found
}

const findOn = async (ask: Asking, prefix: string, found: Map<number, string[]>): Promise<void> => {
  const pattern = `{${prefix.replace(/[*?[\]\\]/g, '\\$&')}:*}:*`
  for (let cursor = '0'; ; ) {
    const [next, keys] = await ask<[Buffer, readonly Buffer[]]>('SCAN', cursor, 'MATCH', pattern, 'COUNT', 1_000)
    for (const bytes of keys) {
      const key = bytes.toString()
      const nr = Number.parseInt(key.slice(prefix.length + 2), 10)
      const snapshots = found.get(nr) ?? []
      found.set(nr, snapshots)
      if (key.startsWith(keysOf(prefix, nr).snapshots)) snapshots.push(key)
    }
    cursor = next.toString()
    if (cursor === '0') return
  }
}

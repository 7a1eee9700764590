import type { Connection } from './connection.ts'
import { keysOf } from './keys.ts'

/** The partitions that have a key at all, each with the keys of its snapshots. */
export const findPartitions = async (
  connection: Connection,
  prefix: string,
): Promise<ReadonlyMap<number, readonly string[]>> => {
  const found = new Map<number, string[]>()
  const pattern = `{${prefix.replace(/[*?[\]\\]/g, '\\$&')}:*}:*`
  for (let cursor = '0'; ; ) {
    const at = cursor
    const [next, keys] = await connection.untilAnswered(() =>
      connection.once<[Buffer, readonly Buffer[]]>('SCAN', at, 'MATCH', pattern, 'COUNT', 1_000),
    )
    for (const bytes of keys) {
      const key = bytes.toString()
      const nr = Number.parseInt(key.slice(prefix.length + 2), 10)
      const snapshots = found.get(nr) ?? []
      found.set(nr, snapshots)
      if (key.startsWith(keysOf(prefix, nr).snapshots)) snapshots.push(key)
    }
    cursor = next.toString()
    if (cursor === '0') return found
  }
}

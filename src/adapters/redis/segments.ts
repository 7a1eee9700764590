/** Segments that have left the log, in Redis: `{prefix:0}:segments`, first position -> entry. See `packed/segment.ts`. */

import { corrupt } from '../codec/frame.ts'
import { inOrder, type Segment, unpackSegment } from '../packed/segment.ts'
import { script } from './scripts.ts'

export const BEGIN_ROLL_OUT = script(`#!lua flags=allow-oom
-- Names the incarnation of a partition's log, drawn once.
-- KEYS[1] state (hash)
-- ARGV[1] epoch  ARGV[2] position of the log  ARGV[3] the name where there is none yet
-- Returns {'ready', name}; {'fenced', epoch, or '0' where there is none any more}; or {'moved', position} where that is before
-- ARGV[2]: the log has lost what was in it
local state = redis.call('HMGET', KEYS[1], 'epoch', 'position')
if state[1] ~= ARGV[1] then return {'fenced', state[1] or '0'} end
local position = state[2] or '0'
if tonumber(position) < tonumber(ARGV[2]) then return {'moved', position} end
redis.call('HSETNX', KEYS[1], 'incarnation', ARGV[3])
return {'ready', redis.call('HGET', KEYS[1], 'incarnation')}
`)

export const ROLL_OUT = script(`#!lua flags=allow-oom
-- Writes the entry of a segment and removes its blocks from the front of the log, which keeps its last id.
-- KEYS[1] state (hash)  KEYS[2] log (stream)  KEYS[3] segments (hash)
-- ARGV[1] epoch  ARGV[2] position of the log  ARGV[3] the segment's first position  ARGV[4] the one after its last
-- ARGV[5] its entry
-- Returns {'written'}, also where it was written before; {'fenced', epoch, or '0' where there is none any more}; or
-- {'moved', position} where that is before ARGV[2]: the log has lost what was in it
local state = redis.call('HMGET', KEYS[1], 'epoch', 'position', 'blocks')
if state[1] ~= ARGV[1] then return {'fenced', state[1] or '0'} end
local position = state[2] or '0'
if tonumber(position) < tonumber(ARGV[2]) then return {'moved', position} end
if redis.call('HSETNX', KEYS[3], ARGV[3], ARGV[5]) == 0 then return {'written'} end
local removed = redis.call('XTRIM', KEYS[2], 'MINID', '=', ARGV[4] .. '-0')
redis.call('HSET', KEYS[1], 'blocks', (state[3] or 0) - removed)
return {'written'}
`)

/** By turns a first position and an entry, as Redis gives a hash. **Errors**: JOURNAL_CORRUPT, with `place`. */
export const parseSegments = (place: string, entries: readonly Buffer[]): readonly Segment[] => {
  const segments: Segment[] = []
  for (let i = 0; i + 1 < entries.length; i += 2) {
    const where = `${place}, segment from position ${entries[i]}`
    const segment = unpackSegment(entries[i + 1]!, where)
    if (String(segment.firstPosition) !== entries[i]!.toString())
      throw corrupt(`${where}: the one found there begins at ${segment.firstPosition}`)
    segments.push(segment)
  }
  return inOrder(segments, place)
}

/**
 * The Lua scripts. Each one checks everything first and writes after, since Redis does not take back what a script wrote
 * before it failed. All keys of one call are declared and lie in one slot: `{prefix:partition}:…`.
 *
 * A head is stored as `SEQUENCE_NR:BLOCK`, and is compared as that text.
 */

import { createHash } from 'node:crypto'

export interface Script {
  readonly lua: string
  readonly sha: string
}

export const script = (lua: string): Script => ({ lua, sha: createHash('sha1').update(lua).digest('hex') })

export const OPEN = script(`
-- Takes the next epoch of a partition.
-- KEYS[1] state (hash: epoch, position)  KEYS[2] log (stream)
-- Returns {epoch, position of the last record or 0, last block's stream id or '', last block or ''}
local epoch = redis.call('HINCRBY', KEYS[1], 'epoch', 1)
local position = redis.call('HGET', KEYS[1], 'position') or '0'
local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
if not last then return {epoch, position, '', ''} end
return {epoch, position, last[1], last[2][2]}
`)

export const COMMIT = script(`
-- Writes blocks, heads and cursors of one partition, or nothing.
-- KEYS[1] state (hash: epoch, position)  KEYS[2] heads (hash: id -> head)  KEYS[3] log (stream)  KEYS[4] cursors (hash)
-- ARGV[1] epoch  ARGV[2] position before  ARGV[3] position after
-- ARGV[4] heads, as MessagePack: the ids, the heads before ('' for none), and by turns id and head after
-- ARGV[5] cursors, as MessagePack: by turns group and position  ARGV[6..] blocks: by turns first position and packed
-- Returns {'written'}; {'fenced', epoch}; or {'moved', position, id, head or '', ...} with every head that differs
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if epoch ~= ARGV[1] then return {'fenced', epoch or '0'} end
local position = redis.call('HGET', KEYS[1], 'position') or '0'
local heads = cmsgpack.unpack(ARGV[4])
local ids, before, after = heads[1], heads[2], heads[3]
local cursors = cmsgpack.unpack(ARGV[5])

-- Lua's stack ends at some thousand values, so many of them go in slices.
local SLICE = 2000
local moved = {'moved', position}
for first = 1, #ids, SLICE do
  local last = math.min(first + SLICE - 1, #ids)
  local found = redis.call('HMGET', KEYS[2], unpack(ids, first, last))
  for i = first, last do
    local head = found[i - first + 1] or ''
    if head ~= before[i] then
      moved[#moved + 1] = ids[i]
      moved[#moved + 1] = head
    end
  end
end
-- A write of cursors alone holds wherever the log ends.
if #moved > 2 or (#ARGV > 5 and position ~= ARGV[2]) then return moved end

for i = 6, #ARGV, 2 do redis.call('XADD', KEYS[3], ARGV[i] .. '-0', 'b', ARGV[i + 1]) end
for first = 1, #after, SLICE do redis.call('HSET', KEYS[2], unpack(after, first, math.min(first + SLICE - 1, #after))) end
if #cursors > 0 then redis.call('HSET', KEYS[4], unpack(cursors)) end
if #ARGV > 5 then redis.call('HSET', KEYS[1], 'position', ARGV[3]) end
return {'written'}
`)

export const EMPTY = script(`
-- Empties a partition but for its epoch, which goes up: whoever wrote to it is fenced for ever.
-- KEYS[1] state (hash: epoch, position)  KEYS[2..] what is removed
-- Returns the new epoch
local epoch = redis.call('HINCRBY', KEYS[1], 'epoch', 1)
redis.call('HDEL', KEYS[1], 'position')
for i = 2, #KEYS do redis.call('UNLINK', KEYS[i]) end
return epoch
`)

export const SAVE_SNAPSHOT = script(`
-- Stores a snapshot of one id and forgets all but the newest.
-- KEYS[1] state (hash: epoch, position)  KEYS[2] the id's snapshots (hash: sequence number -> packed)
-- ARGV[1] epoch  ARGV[2] sequence number  ARGV[3] packed  ARGV[4] how many are kept
-- Returns {'written'} or {'fenced', epoch}
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if epoch ~= ARGV[1] then return {'fenced', epoch or '0'} end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
local numbers = redis.call('HKEYS', KEYS[2])
table.sort(numbers, function(a, b) return tonumber(a) > tonumber(b) end)
for i = tonumber(ARGV[4]) + 1, #numbers do redis.call('HDEL', KEYS[2], numbers[i]) end
return {'written'}
`)

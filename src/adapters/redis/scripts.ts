/**
 * The Lua scripts. Each one checks everything first and writes after, since Redis does not take back what a script wrote
 * before it failed. All keys of one call are declared and lie in one slot: `{prefix:partition}:…`.
 *
 * The state of a partition is a hash: `epoch`; `position` of the last record; how many `blocks`, `heads`, `cursors` and
 * `horizons` have been put there, so that what is gone is noticed. A head is stored as `SEQUENCE_NR:BLOCK:CHECKSUM`, and is
 * compared as that text. `allow-oom` where a server without memory must be able to serve readers and to be emptied.
 */

import { createHash } from 'node:crypto'

export interface Script {
  readonly lua: string
  readonly sha: string
}

export const script = (lua: string): Script => ({ lua, sha: createHash('sha1').update(lua).digest('hex') })

export const OPEN = script(`#!lua flags=allow-oom
-- Takes a partition for the writer that opens the store, or joins its writers without an epoch.
-- KEYS[1] state (hash)  KEYS[2] heads (hash)  KEYS[3] log (stream)  KEYS[4] cursors (hash)  KEYS[5] horizons (hash)
-- KEYS[6] segments (hash)
-- ARGV[1] 'made' for a store that has been opened before, 'new' for one that is being made
-- ARGV[2] 'draw' to take the next epoch, beyond ARGV[3]; 'take' to take epoch ARGV[3]; 'join' to take none
-- Returns {'gone'} where a made one has no state; {'occupied'} where a new one holds data; {'overtaken', epoch} where 'take'
-- meets a higher one; else
-- {'opened', epoch, position, blocks, heads, cursors, horizons as the state has them, and the last four as they are;
--  first block's stream id or '', last block's stream id or '', last block or '', by turns a segment's first position and entry}
local state = redis.call('HMGET', KEYS[1], 'epoch', 'position', 'blocks', 'heads', 'cursors', 'horizons')
if ARGV[1] == 'made' and not state[1] then return {'gone'} end
local blocks, heads, cursors = redis.call('XLEN', KEYS[3]), redis.call('HLEN', KEYS[2]), redis.call('HLEN', KEYS[4])
local horizons = redis.call('HLEN', KEYS[5])
if ARGV[1] == 'new' and (state[2] or blocks + heads + cursors + horizons + redis.call('HLEN', KEYS[6]) > 0) then return {'occupied'} end
local stored, epoch = tonumber(state[1] or '0'), tonumber(ARGV[3])
if ARGV[2] == 'take' and stored > epoch then return {'overtaken', stored} end
if ARGV[2] == 'draw' then epoch = math.max(stored, epoch) + 1 end
-- A partition without an epoch is one that was never opened: who joins is the first, and fences nobody.
if ARGV[2] == 'join' then epoch = math.max(stored, 1) end
redis.call('HSET', KEYS[1], 'epoch', epoch)
local first = redis.call('XRANGE', KEYS[3], '-', '+', 'COUNT', 1)[1] or {''}
local last = redis.call('XREVRANGE', KEYS[3], '+', '-', 'COUNT', 1)[1] or {'', {'', ''}}
return {'opened', epoch, state[2] or '0', state[3] or '0', state[4] or '0', state[5] or '0', state[6] or '0',
  blocks, heads, cursors, horizons, first[1], last[1], last[2][2], redis.call('HGETALL', KEYS[6])}
`)

export const COMMIT = script(`
-- Writes blocks, heads and cursors of one partition, or nothing.
-- KEYS[1] state (hash)  KEYS[2] heads (hash: id -> head)  KEYS[3] log (stream)  KEYS[4] cursors (hash)
-- ARGV[1] epoch, '0' for a guest, who has none  ARGV[2] position before  ARGV[3] position after
-- ARGV[4] heads, as MessagePack: the ids, the heads before ('' for none), the heads after
-- ARGV[5] cursors, as MessagePack: by turns group and position  ARGV[6..] blocks: by turns first position and packed
-- Returns {'written'}; {'fenced', epoch, or '0' where there is none any more}; or {'moved', position, id, head or '', ...}
-- with every head that differs; the position alone where it is before ARGV[2]: the log has lost what was in it
local state = redis.call('HMGET', KEYS[1], 'epoch', 'position', 'blocks', 'heads', 'cursors')
if not state[1] or (ARGV[1] ~= '0' and state[1] ~= ARGV[1]) then return {'fenced', state[1] or '0'} end
local position = state[2] or '0'
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
-- A write of cursors alone holds wherever the log ends, unless that is before what they may stand for.
if #moved > 2 or (#ARGV > 5 and position ~= ARGV[2]) or tonumber(position) < tonumber(ARGV[2]) then return moved end

for i = 6, #ARGV, 2 do redis.call('XADD', KEYS[3], ARGV[i] .. '-0', 'b', ARGV[i + 1]) end
local begun = 0
for first = 1, #ids, SLICE do
  local fields, n = {}, 0
  for i = first, math.min(first + SLICE - 1, #ids) do
    fields[n + 1], fields[n + 2] = ids[i], after[i]
    n = n + 2
  end
  begun = begun + redis.call('HSET', KEYS[2], unpack(fields))
end
if #cursors > 0 then
  local groups = redis.call('HSET', KEYS[4], unpack(cursors))
  if groups > 0 then redis.call('HSET', KEYS[1], 'cursors', (state[5] or 0) + groups) end
end
-- A restore puts heads alone, too: those of ids whose records were all dropped.
if #ARGV > 5 or begun > 0 then
  local blocks = (state[3] or 0) + (#ARGV - 5) / 2
  redis.call('HSET', KEYS[1], 'position', ARGV[3], 'blocks', blocks, 'heads', (state[4] or 0) + begun)
end
return {'written'}
`)

export const TAKE = script(`#!lua flags=allow-oom
-- Takes the next epoch of a partition that is to be emptied: whoever wrote to it is fenced for ever.
-- KEYS[1] state (hash)
-- Returns the epoch
return redis.call('HINCRBY', KEYS[1], 'epoch', 1)
`)

export const EMPTY = script(`#!lua flags=allow-oom
-- Removes keys of a partition, and of its state everything but the epoch.
-- KEYS[1] state (hash)  KEYS[2..] what is removed
-- ARGV[1] epoch
-- Returns {'written'}; or {'fenced', epoch}, and nothing is removed
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if epoch ~= ARGV[1] then return {'fenced', epoch or '0'} end
redis.call('HDEL', KEYS[1], 'position', 'blocks', 'heads', 'cursors', 'horizons', 'incarnation')
for i = 2, #KEYS do redis.call('UNLINK', KEYS[i]) end
return {'written'}
`)

export const DESCRIBE = script(`#!lua flags=allow-oom
-- Writes or removes the store's description where it is the one that is known.
-- KEYS[1] description
-- ARGV[1] the one that is known, '*' for any or none  ARGV[2] what it becomes; '' removes it
-- Returns 1, or 0 where it is another one
if ARGV[1] ~= '*' and redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[2]) end
return 1
`)

export const BLOCKS = script(`#!lua flags=no-writes,allow-oom
-- The blocks that begin at some positions.
-- KEYS[1] log (stream)
-- ARGV first positions
-- Returns for each the packed block, or nil
local blocks = {}
for i = 1, #ARGV do
  local id = ARGV[i] .. '-0'
  local entry = redis.call('XRANGE', KEYS[1], id, id)[1]
  blocks[i] = entry and entry[2][2] or false
end
return blocks
`)

export const SAVE_SNAPSHOT = script(`
-- Stores a snapshot of one id and forgets all but the newest.
-- KEYS[1] state (hash)  KEYS[2] the id's snapshots (hash: sequence number -> packed)  KEYS[3] horizons (hash)
-- ARGV[1] epoch, '0' for a guest  ARGV[2] sequence number  ARGV[3] packed  ARGV[4] how many are kept  ARGV[5] position of the log
-- ARGV[6] the id
-- Returns {'written'}; {'forgotten', horizon} where what it covers was deleted, or the id was ended; {'fenced', epoch, or '0' where there is none any more}; or {'moved', position} where that is before
-- ARGV[5]: the log has lost what was in it
local state = redis.call('HMGET', KEYS[1], 'epoch', 'position')
if not state[1] or (ARGV[1] ~= '0' and state[1] ~= ARGV[1]) then return {'fenced', state[1] or '0'} end
local position = state[2] or '0'
if tonumber(position) < tonumber(ARGV[5]) then return {'moved', position} end
local horizon = redis.call('HGET', KEYS[3], ARGV[6])
if horizon then
  local deleted, ended = string.match(horizon, '^(%d+):(%d+):')
  if not deleted or ended == '1' or tonumber(ARGV[2]) < tonumber(deleted) then return {'forgotten', horizon} end
end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
local numbers = redis.call('HKEYS', KEYS[2])
table.sort(numbers, function(a, b) return tonumber(a) > tonumber(b) end)
for i = tonumber(ARGV[4]) + 1, #numbers do redis.call('HDEL', KEYS[2], numbers[i]) end
return {'written'}
`)

export const CUT = script(`#!lua flags=no-writes,allow-oom
-- Reads where all partitions stand at one moment.
-- KEYS: of each partition by turns state (hash) and cursors (hash)
-- Returns of each partition {position or false, {group, cursor, group, cursor, ...}}
local cut = {}
for i = 1, #KEYS, 2 do
  cut[#cut + 1] = {redis.call('HGET', KEYS[i], 'position'), redis.call('HGETALL', KEYS[i + 1])}
end
return cut
`)

/** The Lua scripts of views. All keys of one view lie in one slot: `{prefix~NAME}:…`, which is no partition's. */

import { script } from './scripts.ts'

export const BEGIN_BUILD = script(`
-- Begins the next build of a view; what a former next one has is removed.
-- KEYS[1] builds (hash: begun, live, next, liveVersion, nextVersion)  KEYS[2..4] offsets, rows, entries of the former next one
-- KEYS[5] entries by row of it
-- ARGV[1] version  ARGV[2] the former next build's number, '' for none
-- Returns {'begun', number}; {'moved'} where the former next one is another
local next = redis.call('HGET', KEYS[1], 'next') or ''
if next ~= ARGV[2] then return {'moved'} end
local number = redis.call('HINCRBY', KEYS[1], 'begun', 1)
redis.call('HSET', KEYS[1], 'next', number, 'nextVersion', ARGV[1])
if ARGV[2] ~= '' then redis.call('UNLINK', KEYS[2], KEYS[3], KEYS[4], KEYS[5]) end
return {'begun', number}
`)

export const WRITE_BUILD = script(`
-- Changes rows, their entries and an offset of one build, or nothing.
-- KEYS[1] builds (hash)  KEYS[2] offsets (hash: partition -> position:append id)  KEYS[3] rows (hash: key -> packed)
-- KEYS[4] entries (sorted set, all scores 0)  KEYS[5] entries by row (hash: key -> MessagePack of a list)
-- ARGV[1] the build's number  ARGV[2] partition  ARGV[3] position before  ARGV[4] offset after
-- ARGV[5..] by threes: key, packed row ('' removes it), entries as MessagePack
-- Returns {'written'}; {'gone'} where the build is neither live nor next; {'conflict', position}
local builds = redis.call('HMGET', KEYS[1], 'live', 'next')
if builds[1] ~= ARGV[1] and builds[2] ~= ARGV[1] then return {'gone'} end
local offset = redis.call('HGET', KEYS[2], ARGV[2]) or '0'
if offset == ARGV[4] then return {'written'} end
local position = string.match(offset, '^%d+')
if position ~= ARGV[3] then return {'conflict', position} end
-- A call for many rows costs little more than one for a row; unpack takes some 8,000 values at most.
local function call(command, key, values)
  for i = 1, #values, 4000 do redis.call(command, key, unpack(values, i, math.min(i + 3999, #values))) end
end
for from = 5, #ARGV, 768 do
  local keys = {}
  for i = from, math.min(from + 767, #ARGV), 3 do keys[#keys + 1] = ARGV[i] end
  local formers = redis.call('HMGET', KEYS[5], unpack(keys))
  local lost, removed, rows, lists, found = {}, {}, {}, {}, {}
  for n, key in ipairs(keys) do
    local packed, list, former = ARGV[from + 3 * n - 2], ARGV[from + 3 * n - 1], formers[n]
    if packed == '' then
      removed[#removed + 1] = key
    else
      rows[#rows + 1] = key
      rows[#rows + 1] = packed
    end
    if former and (packed == '' or former ~= list) then
      for _, entry in ipairs(cmsgpack.unpack(former)) do lost[#lost + 1] = entry end
    end
    if packed ~= '' and former ~= list then
      lists[#lists + 1] = key
      lists[#lists + 1] = list
      for _, entry in ipairs(cmsgpack.unpack(list)) do
        found[#found + 1] = 0
        found[#found + 1] = entry
      end
    end
  end
  call('ZREM', KEYS[4], lost)
  call('HDEL', KEYS[3], removed)
  call('HDEL', KEYS[5], removed)
  call('HSET', KEYS[3], rows)
  call('HSET', KEYS[5], lists)
  call('ZADD', KEYS[4], found)
end
redis.call('HSET', KEYS[2], ARGV[2], ARGV[4])
return {'written'}
`)

export const PROMOTE_BUILD = script(`
-- Makes the next build the live one, and removes the former live one.
-- KEYS[1] builds (hash)  KEYS[2..4] offsets, rows, entries of the former live one  KEYS[5] entries by row of it
-- ARGV[1] the build's number  ARGV[2] the former live build's number, '' for none
-- Returns {'written'}; {'gone'} where the build is neither; {'moved'} where the former live one is another
local builds = redis.call('HMGET', KEYS[1], 'live', 'next', 'nextVersion')
if builds[1] == ARGV[1] then return {'written'} end
if builds[2] ~= ARGV[1] then return {'gone'} end
if (builds[1] or '') ~= ARGV[2] then return {'moved'} end
redis.call('HSET', KEYS[1], 'live', ARGV[1], 'liveVersion', builds[3])
redis.call('HDEL', KEYS[1], 'next', 'nextVersion')
if ARGV[2] ~= '' then redis.call('UNLINK', KEYS[2], KEYS[3], KEYS[4], KEYS[5]) end
return {'written'}
`)

export const READ_ROWS = script(`#!lua flags=no-writes
-- KEYS[1] builds (hash)  KEYS[2] rows (hash)
-- ARGV[1] the build's number  ARGV[2..] keys
-- Returns {'gone'}; or {'read', packed row or '' of each key...}
local builds = redis.call('HMGET', KEYS[1], 'live', 'next')
if builds[1] ~= ARGV[1] and builds[2] ~= ARGV[1] then return {'gone'} end
local found = {'read'}
for from = 2, #ARGV, 4000 do
  local rows = redis.call('HMGET', KEYS[2], unpack(ARGV, from, math.min(from + 3999, #ARGV)))
  for _, row in ipairs(rows) do found[#found + 1] = row or '' end
end
return found
`)

export const READ_RANGE = script(`#!lua flags=no-writes
-- KEYS[1] builds (hash)  KEYS[2] rows (hash)  KEYS[3] entries (sorted set)
-- ARGV[1] the build's number  ARGV[2] from, inclusive  ARGV[3] to, exclusive  ARGV[4] limit  ARGV[5] 'up' or 'down'
-- Returns {'gone'}; or {'read', by turns entry and packed row or ''...}
local builds = redis.call('HMGET', KEYS[1], 'live', 'next')
if builds[1] ~= ARGV[1] and builds[2] ~= ARGV[1] then return {'gone'} end
local low, high, entries = '[' .. ARGV[2], '(' .. ARGV[3], nil
if ARGV[5] == 'down' then
  entries = redis.call('ZREVRANGEBYLEX', KEYS[3], high, low, 'LIMIT', 0, ARGV[4])
else
  entries = redis.call('ZRANGEBYLEX', KEYS[3], low, high, 'LIMIT', 0, ARGV[4])
end
local found = {'read'}
for _, entry in ipairs(entries) do
  local first = string.find(entry, '\\0', 1, true)
  local second = string.find(entry, '\\0', first + 1, true)
  found[#found + 1] = entry
  found[#found + 1] = redis.call('HGET', KEYS[2], string.sub(entry, second + 1)) or ''
end
return found
`)

export const READ_OFFSETS = script(`#!lua flags=no-writes
-- KEYS[1] builds (hash)  KEYS[2] offsets (hash)
-- ARGV[1] the build's number
-- Returns {'gone'}; or {'read', by turns partition and offset...}
local builds = redis.call('HMGET', KEYS[1], 'live', 'next')
if builds[1] ~= ARGV[1] and builds[2] ~= ARGV[1] then return {'gone'} end
local found = redis.call('HGETALL', KEYS[2])
table.insert(found, 1, 'read')
return found
`)

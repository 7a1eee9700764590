/**
 * What is deleted of each id, in Redis: `{prefix:0}:horizons`, id -> `DELETED_TO:ENDED:CHECKSUM`, and in the partition's state
 * how many there must be. Only an owner deletes, so an owner whose partition has no horizon need not ask for one.
 */

import { RuntimeError } from '../../base/errors.ts'
import { hashOf, sealAsText, unsealText } from '../codec/checksum.ts'
import { corrupt } from '../codec/frame.ts'
import type { Head } from '../packed/engine.ts'
import { DEAD_HEAD, type Deletion, type Horizon, horizonName, horizonNumbers, horizonOf } from '../packed/horizon.ts'
import type { Argument } from './connection.ts'
import type { Keys } from './keys.ts'
import { script } from './scripts.ts'

/** Where a server without memory must be able to forget. */
export const DELETE = script(`#!lua flags=allow-oom
-- Moves the horizon of one id on, and forgets its snapshots below; ends the id where a head is given.
-- KEYS[1] state (hash)  KEYS[2] heads (hash)  KEYS[3] horizons (hash)  KEYS[4] the id's snapshots (hash)
-- ARGV[1] epoch  ARGV[2] position of the log  ARGV[3] the id  ARGV[4] its horizon before, '' for none  ARGV[5] after
-- ARGV[6] what it is deleted to  ARGV[7] its head before, '' for none  ARGV[8] after, '' where it stays
-- Returns {'written'}; {'fenced', epoch, or '0' where there is none any more}; {'moved', position} where that is before
-- ARGV[2]: the log has lost what was in it; or {'changed'} where horizon or head are others than those given
local state = redis.call('HMGET', KEYS[1], 'epoch', 'position', 'heads', 'horizons')
if state[1] ~= ARGV[1] then return {'fenced', state[1] or '0'} end
local position = state[2] or '0'
if tonumber(position) < tonumber(ARGV[2]) then return {'moved', position} end
if (redis.call('HGET', KEYS[3], ARGV[3]) or '') ~= ARGV[4] then return {'changed'} end
local ends = ARGV[8] ~= ''
if ends and (redis.call('HGET', KEYS[2], ARGV[3]) or '') ~= ARGV[7] then return {'changed'} end

if redis.call('HSET', KEYS[3], ARGV[3], ARGV[5]) == 1 then
  redis.call('HSET', KEYS[1], 'horizons', (state[4] or 0) + 1)
end
if ends then
  if redis.call('HSET', KEYS[2], ARGV[3], ARGV[8]) == 1 then
    redis.call('HSET', KEYS[1], 'heads', (state[3] or 0) + 1)
  end
  redis.call('UNLINK', KEYS[4])
else
  for _, number in ipairs(redis.call('HKEYS', KEYS[4])) do
    if tonumber(number) < tonumber(ARGV[6]) then redis.call('HDEL', KEYS[4], number) end
  end
end
return {'written'}
`)

export const deletionKeys = ({ state, heads, horizons, snapshots }: Keys, { persistenceId }: Deletion): string[] => [
  state,
  heads,
  horizons,
  snapshots + persistenceId,
]

export const deletionArguments = ({ epoch, lastPosition, persistenceId, from, to, head }: Deletion): Argument[] => [
  epoch,
  lastPosition,
  persistenceId,
  from.deletedTo === 0 && !from.tombstoned ? '' : sealHorizon(persistenceId, from),
  sealHorizon(persistenceId, to),
  to.deletedTo,
  head.sequenceNr === 0 ? '' : sealHead(persistenceId, head),
  to.tombstoned ? sealHead(persistenceId, DEAD_HEAD) : '',
]

/** **Errors**: JOURNAL_CORRUPT, with `where`. */
export const parseHorizon = (persistenceId: string, text: Buffer, where: string): Horizon => {
  const numbers = unsealText(hashOf(horizonName(persistenceId)), text.toString())
  if (numbers === null)
    throw corrupt(
      `${where}, horizon of ${persistenceId}: it reads ${text.toString().slice(0, 50)}, which does not match its checksum`,
    )
  return horizonOf(numbers)
}

/** A guest has no epoch by which a deletion could be fenced. */
export const guestsDeleteNothing = (name: string): RuntimeError =>
  new RuntimeError(
    'JOURNAL_MISCONFIGURED',
    `${name}: a guest deletes nothing and ends no id. Let the store's owner do it.`,
  )

const sealHorizon = (persistenceId: string, horizon: Horizon): string =>
  sealAsText(hashOf(horizonName(persistenceId)), ...horizonNumbers(horizon))

const sealHead = (persistenceId: string, { sequenceNr, block }: Head): string =>
  sealAsText(hashOf(persistenceId), sequenceNr, block)

import { expect, test } from 'vitest'
import { lmdbJournal } from '../../src/adapters/lmdb/index.ts'
import { redisJournal } from '../../src/adapters/redis/index.ts'

const refusal = (making: () => unknown): unknown => {
  try {
    making()
  } catch (error) {
    return error
  }
  return expect.fail('nothing was thrown')
}

test.each([
  [lmdbJournal, undefined, /lmdbJournal: the options must be an object, not undefined/],
  [lmdbJournal, './data', /must be an object, not ".\/data"/],
  [lmdbJournal, {}, /path must be a text, not undefined/],
  [lmdbJournal, { path: '' }, /path must be a text, not ""/],
  [lmdbJournal, { pth: './data' }, /not "pth"/],
  [lmdbJournal, { path: './data', flsh: false }, /not "flsh"/],
  [lmdbJournal, { path: './data', flush: 'no' }, /flush must be true or false, not "no"/],
  [redisJournal, undefined, /redisJournal: the options must be an object, not undefined/],
  [redisJournal, 'redis://127.0.0.1', /must be an object, not a text: give \{ url \}/],
  [redisJournal, {}, /url must be a text, not undefined/],
  [redisJournal, { url: 'redis://127.0.0.1:1', prefx: 'x' }, /not "prefx"/],
  [redisJournal, { url: 'redis://127.0.0.1:1', writer: 'me' }, /writer must be one of owner, guest, not "me"/],
  [redisJournal, { url: 'redis://127.0.0.1:1', unavailableAfterMs: 'x' }, /unavailableAfterMs .*not "x"/],
])('%o of %o is refused with the field and the value', (make, options, message) => {
  expect(refusal(() => (make as (options: unknown) => unknown)(options))).toMatchObject({
    code: 'JOURNAL_MISCONFIGURED',
    message: expect.stringMatching(message),
  })
})

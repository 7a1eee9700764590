import { setImmediate } from 'node:timers/promises'
import { expect, it } from 'vitest'
import type { Application, ApplicationRow } from '../../../actors/index.ts'
import { VirtualClock } from '../../../src/testkit/virtual-clock.ts'
import { submitAll } from '../../../supervisors/main/submitting.ts'
import { Tally } from '../../../supervisors/main/tally.ts'
import type { Waiting } from '../../../supervisors/main/waiting.ts'

async function* rows(): AsyncGenerator<ApplicationRow> {
  for (let line = 2; ; line++)
    yield { line, id: `${line}`, application: { applicationId: `${line}` } as Application, errors: null }
}

it('gives up on what is under way ten seconds after one submission has failed', async () => {
  const clock = new VirtualClock()
  const full = new Error('no room')
  const submit = ({ applicationId }: Application) =>
    applicationId === '4' ? Promise.reject(full) : new Promise<never>(() => undefined)
  const waiting = { submit } as unknown as Waiting
  const never = new AbortController().signal
  const ended = submitAll(rows(), waiting, new Tally(), clock, 8, () => undefined, never).catch(
    (error: unknown) => error,
  )
  let isOver = false
  void ended.then(() => {
    isOver = true
  })
  await setImmediate()
  clock.advance(9_999)
  await setImmediate()
  expect(isOver).toBe(false)
  clock.advance(1)
  expect(await ended).toBe(full)
})

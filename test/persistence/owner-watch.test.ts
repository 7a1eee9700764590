import { expect, test } from 'vitest'
import { RuntimeError } from '../../src/base/errors.ts'
import { OwnerWatch } from '../../src/persistence/owner-watch.ts'
import { RecordingLogger } from '../../src/testkit/recording-logger.ts'
import { VirtualClock } from '../../src/testkit/virtual-clock.ts'

class Watched {
  readonly clock = new VirtualClock()
  readonly logger = new RecordingLogger()
  readonly fenced: string[] = []
  checks = 0
  writes = 0
  outcome: Error | null = null
  readonly watch = new OwnerWatch(
    async () => {
      this.checks++
      if (this.outcome !== null) throw this.outcome
    },
    () => this.writes,
    error => this.fenced.push(error.code),
    this,
  )

  async pass(seconds: number, each: () => void = () => undefined): Promise<void> {
    for (let i = 0; i < seconds; i++) {
      each()
      this.clock.advance(1_000)
      for (let turn = 0; turn < 5; turn++) await null
    }
  }
}

test('asks once a second while nothing is written, and not while something is', async () => {
  const watched = new Watched()
  await watched.pass(10, () => watched.writes++)
  expect(watched.checks).toBe(0)
  await watched.pass(10)
  expect(watched.checks).toBe(10)
  await watched.pass(5, () => watched.writes++)
  expect(watched.checks).toBe(10)
  watched.watch.end()
  await watched.pass(5)
  expect([watched.checks, watched.clock.pending]).toEqual([10, 0])
})

test('a server that is away says nothing, another error is a warning, and a new owner ends it', async () => {
  const watched = new Watched()
  await watched.pass(1)
  watched.outcome = new RuntimeError('JOURNAL_UNAVAILABLE', 'away')
  await watched.pass(3)
  expect(watched.logger.lines).toEqual([])
  watched.outcome = new RuntimeError('JOURNAL_CORRUPT', 'an epoch of letters')
  await watched.pass(1)
  expect(watched.logger.lines).toMatchObject([{ level: 'warn', fields: { error: watched.outcome } }])
  expect(watched.fenced).toEqual([])
  watched.outcome = new RuntimeError('JOURNAL_FENCED', 'epoch 2 has taken over from 1')
  await watched.pass(1)
  expect(watched.fenced).toEqual(['JOURNAL_FENCED'])
  const { checks } = watched
  await watched.pass(5)
  expect([watched.checks, watched.clock.pending]).toEqual([checks, 0])
})

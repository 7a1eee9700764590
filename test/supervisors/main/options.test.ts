import { expect, it } from 'vitest'
import { journalNamed } from '../../../supervisors/main/journals.ts'
import { readOptions, USAGE, UsageError } from '../../../supervisors/main/options.ts'

it('has the defaults that its usage tells', () => {
  expect(readOptions([])).toEqual({
    applications: null,
    limit: Number.POSITIVE_INFINITY,
    mode: null,
    journal: 'lmdb:./.troupe',
    runtime: 'troupe',
    fresh: false,
    concurrency: 256,
    snapshotEvery: null,
    json: false,
    out: null,
    drainMs: 30_000,
    serve: null,
    host: '127.0.0.1',
    tokens: null,
  })
})

it('takes every option that its usage names', () => {
  const named = [...USAGE.matchAll(/^ {2}(?:-h, )?(--[a-z-]+)/gm)].map(([, option]) => option)
  expect(named).toHaveLength(15)
  expect(readOptions(['--help'])).toBeNull()
  expect(readOptions(['-h'])).toBeNull()
  const args = [
    '--applications',
    'a.csv',
    '--limit',
    '7',
    '--mode',
    'choreography',
    '--journal',
    'memory',
    '--fresh',
    '--runtime=nact',
  ]
  expect(
    readOptions([
      ...args,
      '--concurrency=8',
      '--snapshot-every',
      '9',
      '--json',
      '--out',
      'o.jsonl',
      '--drain-ms=0',
      '--serve',
      '9000',
      '--host=::',
      '--tokens=t.json',
    ]),
  ).toEqual({
    applications: 'a.csv',
    limit: 7,
    mode: 'choreography',
    journal: 'memory',
    runtime: 'nact',
    fresh: true,
    concurrency: 8,
    snapshotEvery: 9,
    json: true,
    out: 'o.jsonl',
    drainMs: 0,
    serve: 9_000,
    host: '::',
    tokens: 't.json',
  })
})

it('serves on port 8080 where none is given', () => {
  expect(readOptions(['--serve'])?.serve).toBe(8_080)
  expect(readOptions(['--serve', '--json'])).toMatchObject({ serve: 8_080, json: true })
  expect(() => readOptions(['--serve', '65536'])).toThrow(/--serve 65536: give a whole number from 0 to 65535/)
})

it.each([
  { args: ['--what'], says: /Unknown option '--what'/ },
  { args: ['file.csv'], says: /Unexpected argument 'file.csv'/ },
  { args: ['--limit', '-1'], says: /^--limit -1: give a whole number from 0$/ },
  { args: ['--limit='], says: /--limit : give a whole number from 0/ },
  { args: ['--limit', '1e3'], says: /--limit 1e3: give a whole number from 0/ },
  { args: ['--concurrency', '0'], says: /--concurrency 0: give a whole number from 1 to 100000/ },
  { args: ['--snapshot-every', 'often'], says: /--snapshot-every often: give a whole number from 1/ },
  { args: ['--mode', 'anarchy'], says: /--mode anarchy: give orchestration or choreography/ },
  { args: ['--runtime', 'akka'], says: /--runtime akka: give troupe or nact/ },
  { args: ['--json=yes'], says: /--json/ },
  { args: ['--host', '127.0.0.1'], says: /--host is for --serve/ },
  { args: ['--tokens', 't.json'], says: /--tokens is for --serve/ },
  {
    args: ['--serve', '--host', '0.0.0.0'],
    says: /--host 0.0.0.0: other machines may reach it, so give --tokens FILE/,
  },
  { args: ['--serve', '--host', '127.0.0.1.example.com'], says: /give --tokens/ },
])('refuses $args and says what to give', ({ args, says }) => {
  expect(() => readOptions(args)).toThrow(UsageError)
  expect(() => readOptions(args)).toThrow(says)
})

it.each(['postgres://x', 'lmdb:', 'redis:', ''])('refuses the journal "%s" and says what to give', text => {
  expect(() => journalNamed(text)).toThrow(UsageError)
  expect(() => journalNamed(text)).toThrow(`--journal ${text}: give lmdb:DIR, redis://`)
  expect(() => journalNamed(text)).toThrow('redis-cluster://')
})

it('repeats nothing of a journal that may have a password', () => {
  for (const text of ['radis://user:secret@host', 'user:secret@host:6379', 'redis://user:12/secret@host/0'])
    expect(() => journalNamed(text).open()).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('secret') }),
    )
})

import { parseArgs } from 'node:util'
import { toError } from 'troupe'
import { isLoopback } from '../http/access.ts'
import type { Mode } from '../store-settings.ts'

export interface MainOptions {
  /** Null: the built-in sample. */
  readonly applications: string | null
  readonly limit: number
  /** Null: what the store was begun with. */
  readonly mode: Mode | null
  readonly journal: string
  /** What runs the domain's actors. */
  readonly runtime: 'troupe' | 'nact'
  readonly fresh: boolean
  readonly concurrency: number
  readonly snapshotEvery: number | null
  readonly json: boolean
  readonly out: string | null
  /** How long what is under way has to end after the first signal. Units: ms. */
  readonly drainMs: number
  /** The port to serve on; null: it does not serve. */
  readonly serve: number | null
  /** The address to serve on. */
  readonly host: string
  /** The file with the bearer tokens; null: whoever is on this machine may do everything. */
  readonly tokens: string | null
}

/** The command line is wrong; the text says how. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

export const USAGE = `npm start -- [options]

Takes motor insurance applications through the marketplace, and ends with a summary. Run again, it goes on where it was.

  --applications FILE   CSV in UTF-8, plain or gzipped: the sample's columns or those of the freMTPL2 portfolio
                        (default: 5,000 sample applications)
  --limit N             the first N rows only (default: all)
  --mode MODE           orchestration (default) or choreography; a store keeps the one it was begun with
  --journal WHERE       lmdb:DIR (default lmdb:./.troupe), redis://HOST:PORT[/DB][?prefix=NAME&partitions=N]
                        (rediss:// for TLS; redis-cluster://HOST:PORT,HOST:PORT for a cluster), or memory
  --runtime NAME        what runs the domain's actors: troupe (default), or nact, where that package is installed
  --fresh               begin the store anew: what it holds is deleted
  --concurrency N       applications under way at once, 1 to 100000 (default 256)
  --snapshot-every N    snapshot of a region's actor after so many records (default 100)
  --out FILE            one JSON line per application, in the order of the input, written at the end from the store
  --drain-ms N          how long a first SIGINT or SIGTERM waits for what is under way, 0 to 2147483647 (default 30000)
  --serve [PORT]        serve the marketplace over HTTP, while it works and after, until a signal ends it
                        (default port 8080, 0 takes a free one; see docs/http.md)
  --host ADDRESS        serve on that address (default 127.0.0.1); one that other machines reach needs --tokens
  --tokens FILE         serve only who has a bearer token of that JSON file: [{"token", "scopes", "name"}, …]
  --json                the summary as one JSON object on the last line of standard output; all else on standard error
  -h, --help            this text

Exit codes: 0 done; 1 failed, standard error says why; 2 wrong usage; 130 (SIGINT) or 143 (SIGTERM) ended by a signal
before the end of the input. In every case what was decided is stored, and the same command goes on from there.`

/** **Errors**: UsageError. Null: help was asked for. */
export const readOptions = (args: readonly string[]): MainOptions | null => {
  const values = parse(args)
  if (values.help === true) return null
  const mode = values.mode ?? null
  if (mode !== null && mode !== 'orchestration' && mode !== 'choreography')
    throw new UsageError(`--mode ${mode}: give orchestration or choreography`)
  const { runtime = 'troupe' } = values
  if (runtime !== 'troupe' && runtime !== 'nact') throw new UsageError(`--runtime ${runtime}: give troupe or nact`)
  const { host = '127.0.0.1', tokens = null } = values
  if (values.serve === undefined && (values.host !== undefined || tokens !== null))
    throw new UsageError(`--${tokens === null ? 'host' : 'tokens'} is for --serve: give that too`)
  if (tokens === null && !isLoopback(host))
    throw new UsageError(`--host ${host}: other machines may reach it, so give --tokens FILE too`)
  return {
    applications: values.applications ?? null,
    limit: values.limit === undefined ? Number.POSITIVE_INFINITY : whole('--limit', values.limit, 0),
    mode,
    journal: values.journal ?? 'lmdb:./.troupe',
    runtime,
    fresh: values.fresh ?? false,
    concurrency: values.concurrency === undefined ? 256 : whole('--concurrency', values.concurrency, 1, 100_000),
    snapshotEvery:
      values['snapshot-every'] === undefined ? null : whole('--snapshot-every', values['snapshot-every'], 1),
    json: values.json ?? false,
    out: values.out ?? null,
    serve: values.serve === undefined ? null : whole('--serve', values.serve, 0, 65_535),
    host,
    tokens,
    drainMs: values['drain-ms'] === undefined ? 30_000 : whole('--drain-ms', values['drain-ms'], 0, 2 ** 31 - 1),
  }
}

const parse = (args: readonly string[]) => {
  try {
    return parseArgs({
      args: withPort(args),
      options: {
        applications: { type: 'string' },
        limit: { type: 'string' },
        mode: { type: 'string' },
        journal: { type: 'string' },
        runtime: { type: 'string' },
        fresh: { type: 'boolean' },
        concurrency: { type: 'string' },
        'snapshot-every': { type: 'string' },
        json: { type: 'boolean' },
        out: { type: 'string' },
        'drain-ms': { type: 'string' },
        serve: { type: 'string' },
        host: { type: 'string' },
        tokens: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values
  } catch (error) {
    // `parseArgs` takes what begins with a dash for the next option: of a number below 0 it says what nobody can follow.
    const negative = args.findIndex((arg, i) => /^-\d/.test(arg) && args[i - 1]?.startsWith('--') === true)
    if (negative !== -1) throw new UsageError(`${args[negative - 1]} ${args[negative]}: give a whole number from 0`)
    // Its first sentence: the others are about options of other programs.
    throw new UsageError(toError(error).message.replace(/\. .*$/s, ''))
  }
}

/** The port of `--serve` may be left out. */
const withPort = (args: readonly string[]): string[] =>
  args.map((arg, i) => (arg === '--serve' && !/^\d/.test(args[i + 1] ?? '') ? `--serve=${DEFAULT_PORT}` : arg))

const DEFAULT_PORT = 8_080

const whole = (option: string, text: string, min: number, max = Number.MAX_SAFE_INTEGER): number => {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < min || value > max)
    throw new UsageError(
      `${option} ${text}: give a whole number from ${min}${max === Number.MAX_SAFE_INTEGER ? '' : ` to ${max}`}`,
    )
  return value
}

import { type Logger, systemPorts } from 'troupe'
import { feedOf } from '../http/feed.ts'
import { type MarketplaceServer, marketplaceServer } from '../http/server.ts'
import { Marketplace } from '../marketplace.ts'
import { nactHost } from '../nact.ts'
import { applicationRows, checkInput, samplePath } from './input.ts'
import { journalNamed } from './journals.ts'
import type { MainOptions } from './options.ts'
import { OutFile } from './out-file.ts'
import { Progress, type ProgressOutput } from './progress.ts'
import { resultLines } from './results.ts'
import { StallWatch } from './stalling.ts'
import { submitAll } from './submitting.ts'
import { recoveredText, type Summary, summaryOf, summaryText } from './summary.ts'
import { Tally } from './tally.ts'
import { readTokens } from './tokens.ts'
import { named, plural, Waiting } from './waiting.ts'

/** Rows that are reported with what is wrong with them; of later ones only the number is told. */
const REPORTED_MAX = 20
const SAMPLE_ROWS = 5_000
const { clock } = systemPorts

/** Applications whose own records cannot be read were left as they are; all others were dealt with. */
export class UnfinishedError extends Error {
  override readonly name = 'UnfinishedError'
}

/**
 * The main job: opens the store, starts the tree, submits the applications, and ends with a summary.
 *
 * It ends early, after what is under way, when `stop` aborts; the summary says so. **Errors**: those of the store; those of
 * the input and OutFileError, before anything else was done where that can be known then; what made the marketplace give
 * up; StalledError; UnfinishedError, after the summary was written.
 */
export const run = async (
  options: MainOptions,
  output: ProgressOutput,
  logger: Logger,
  stop: AbortSignal,
  waiting: Waiting = new Waiting(clock),
): Promise<Summary> => {
  const named = journalNamed(options.journal)
  const input = options.applications ?? samplePath()
  const out = options.out === null ? null : await OutFile.at(options.out, input, named.folder)
  await checkInput(input)
  const tokens = options.tokens === null ? null : await readTokens(options.tokens)
  const host = options.runtime === 'nact' ? await nactHost() : null
  if (options.fresh) await named.destroy()
  const openedMs = clock.monotonicMs()
  const marketplace = await Marketplace.open({
    journal: named.open(),
    logger,
    ...(host !== null && { host }),
    ...(options.serve !== null && { views: named.views(), feed: true }),
    ...(options.mode !== null && { mode: options.mode }),
    ...(options.snapshotEvery !== null && { snapshotEvery: options.snapshotEvery }),
  })
  const tally = new Tally()
  waiting.begins(marketplace)
  let server: MarketplaceServer | null = null
  const watch = new StallWatch(waiting, tally, clock, line => sayOn(output, line))
  try {
    if (options.serve !== null) {
      server = await marketplaceServer(marketplace, {
        host: options.host,
        port: options.serve,
        plugins: feedOf(marketplace),
        ...(tokens !== null && { tokens }),
      })
      sayOn(output, `serving ${server.url}`)
    }
    const summary = work(marketplace, options, out, tally, output, stop, openedMs, waiting)
    const ended = await Promise.race([summary, unexpectedEnd(marketplace), watch.stalled])
    watch.end()
    if (server !== null) {
      waiting.stage = 'requests'
      sayOn(output, `serving ${server.url} until it is told to stop`)
      await Promise.race([aborted(stop), unexpectedEnd(marketplace)])
    }
    return ended
  } finally {
    watch.end()
    waiting.stage = 'the server to close'
    await server?.close()
    waiting.stage = 'the store to close'
    await marketplace.close()
  }
}

const work = async (
  marketplace: Marketplace,
  options: MainOptions,
  out: OutFile | null,
  tally: Tally,
  output: ProgressOutput,
  stop: AbortSignal,
  openedMs: number,
  waiting: Waiting,
): Promise<Summary> => {
  waiting.stage = 'the regions to recover'
  await recoverRegions(marketplace, options, output, openedMs)
  const startMs = clock.monotonicMs()
  waiting.stage = 'the input'
  const complete = await submit(waiting, options, tally, output, stop)
  waiting.stage = 'the bridges to deal with what is in the log'
  await marketplace.settled()
  const seconds = (clock.monotonicMs() - startMs) / 1_000
  waiting.stage = 'the totals of the regions'
  const totals = await marketplace.totals()
  const summary = summaryOf({
    tally,
    recovered: { ...marketplace.recovered },
    records: marketplace.records,
    seconds,
    restarts: marketplace.restarts,
    deadLetters: marketplace.system.deadLetters.count,
    mode: marketplace.mode,
    journal: withoutCredentials(options.journal),
    complete,
  })
  waiting.stage = 'the outcomes to be written'
  if (complete && out !== null && tally.unfinished === 0) {
    await out.write(resultLines(applicationRows(options.applications, options.limit), marketplace))
    output.write(`outcomes written to ${out.name}\n`)
  }
  output.write(summaryText(summary, totals, seconds, marketplace.store.journal.durability, out?.name ?? null))
  if (tally.unfinished > 0) throw new UnfinishedError(unfinishedText(waiting.unfinished, options.out))
  return summary
}

/** The regions' actors come back first, from their snapshots: the work ahead is theirs. */
const recoverRegions = async (
  marketplace: Marketplace,
  options: MainOptions,
  output: ProgressOutput,
  openedMs: number,
): Promise<void> => {
  if (!marketplace.hadHistory) return
  await marketplace.totals()
  const tookMs = Math.round(clock.monotonicMs() - openedMs)
  output.write(
    `opened ${withoutCredentials(options.journal)} with ${marketplace.records.toLocaleString('en')} records; ` +
      `${recoveredText(marketplace.recovered)} in ${tookMs} ms\n`,
  )
}

const submit = async (
  waiting: Waiting,
  options: MainOptions,
  tally: Tally,
  output: ProgressOutput,
  stop: AbortSignal,
): Promise<boolean> => {
  const total = options.applications === null ? Math.min(SAMPLE_ROWS, options.limit) : knownTotal(options.limit)
  const progress = new Progress(output, clock, tally, total)
  let reported = 0
  const onRejected = (line: number, reasons: readonly string[]): void => {
    if (++reported <= REPORTED_MAX) progress.line(`rejected line ${line}: ${reasons.join('; ')}`)
  }
  try {
    const rows = applicationRows(options.applications, options.limit)
    const atEnd = await submitAll(rows, waiting, tally, clock, options.concurrency, onRejected, stop)
    await rows.return()
    return atEnd
  } finally {
    progress.end()
    if (reported > REPORTED_MAX)
      output.write(`and ${(reported - REPORTED_MAX).toLocaleString('en')} more rejected rows\n`)
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })

const unfinishedText = (unfinished: readonly string[], out: string | null): string =>
  `${plural(unfinished.length, 'application')} not finished, since what is stored of them cannot be read; all others are` +
  `${out === null ? '' : `, and ${out} was not written`}:\n  ${named(unfinished, '\n  ')}`

/** Over the bar, where there is one: the next one is drawn below. */
const sayOn = (output: ProgressOutput, line: string): void => {
  output.write(`${output.isTTY === true ? '\r\x1b[K' : ''}${line}\n`)
}

const withoutCredentials = (journal: string): string => journal.replace(/\/\/[^@/]*@/, '//')

/** The number of rows is known beforehand where it is limited; a file shorter than that ends sooner. */
const knownTotal = (limit: number): number | null => (Number.isFinite(limit) ? limit : null)

const unexpectedEnd = async (marketplace: Marketplace): Promise<never> => {
  const ended = await Promise.race([marketplace.whenEnded, marketplace.store.whenFenced])
  if (ended instanceof Error) throw ended
  throw new Error('the marketplace gave up', {
    cause: ended.type === 'error' ? ended.error : ended.type === 'shutdown' ? ended.cause : undefined,
  })
}

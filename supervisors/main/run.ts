import { type Logger, systemPorts } from 'troupe'
import { Marketplace } from '../marketplace.ts'
import { applicationRows } from './input.ts'
import { journalNamed } from './journals.ts'
import type { MainOptions } from './options.ts'
import { Progress, type ProgressOutput } from './progress.ts'
import { checkPlace, writeResults } from './results.ts'
import { StallWatch } from './stalling.ts'
import { submitAll } from './submitting.ts'
import { type Summary, summaryOf, summaryText } from './summary.ts'
import { Tally } from './tally.ts'

/** Rows that are reported with what is wrong with them; of later ones only the number is told. */
const REPORTED_MAX = 20
const SAMPLE_ROWS = 5_000
const { clock } = systemPorts

/**
 * The main job: opens the store, starts the tree, submits the applications, and ends with a summary.
 *
 * It ends early, after what is under way, when `stop` aborts. **Errors**: those of the store and of the input; what made
 * the marketplace give up; StalledError.
 */
export const run = async (
  options: MainOptions,
  output: ProgressOutput,
  logger: Logger,
  stop: AbortSignal,
): Promise<Summary> => {
  const named = journalNamed(options.journal)
  if (options.out !== null) await checkPlace(options.out)
  if (options.fresh) await named.destroy()
  const openedMs = clock.monotonicMs()
  const marketplace = await Marketplace.open({
    journal: named.open(),
    logger,
    ...(options.mode !== null && { mode: options.mode }),
    ...(options.snapshotEvery !== null && { snapshotEvery: options.snapshotEvery }),
  })
  const tally = new Tally()
  const watch = new StallWatch(marketplace, tally, clock)
  try {
    const summary = work(marketplace, options, tally, output, stop, openedMs)
    return await Promise.race([summary, unexpectedEnd(marketplace), watch.stalled])
  } finally {
    watch.end()
    await marketplace.close()
  }
}

const work = async (
  marketplace: Marketplace,
  options: MainOptions,
  tally: Tally,
  output: ProgressOutput,
  stop: AbortSignal,
  openedMs: number,
): Promise<Summary> => {
  await recoverRegions(marketplace, options, output, openedMs)
  const startMs = clock.monotonicMs()
  await submit(marketplace, options, tally, output, stop)
  await marketplace.settled()
  const seconds = (clock.monotonicMs() - startMs) / 1_000
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
  })
  if (stop.aborted)
    output.write(
      `stopped before the end of the input; the next run goes on from here${options.out === null ? '' : ', and writes --out'}\n`,
    )
  else if (options.out !== null) await writeOut(options.out, options, marketplace, output)
  output.write(summaryText(summary, totals, seconds, marketplace.store.journal.durability))
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
  const { entities, fromSnapshot, eventsReplayed } = marketplace.recovered
  const tookMs = Math.round(clock.monotonicMs() - openedMs)
  output.write(
    `recovered ${withoutCredentials(options.journal)}: ${marketplace.records.toLocaleString('en')} records; ${entities} entities, ` +
      `${fromSnapshot} of them from snapshots, and ${eventsReplayed} events, in ${tookMs} ms\n`,
  )
}

const submit = async (
  marketplace: Marketplace,
  options: MainOptions,
  tally: Tally,
  output: ProgressOutput,
  stop: AbortSignal,
): Promise<void> => {
  const total = options.applications === null ? Math.min(SAMPLE_ROWS, options.limit) : knownTotal(options.limit)
  const progress = new Progress(output, clock, tally, total)
  let reported = 0
  const onRejected = (line: number, reasons: readonly string[]): void => {
    if (++reported <= REPORTED_MAX) progress.line(`rejected line ${line}: ${reasons.join('; ')}`)
  }
  try {
    const rows = applicationRows(options.applications, options.limit)
    await submitAll(rows, marketplace, tally, clock, options.concurrency, onRejected, stop)
    await rows.return()
  } finally {
    progress.end()
  }
  if (reported > REPORTED_MAX)
    output.write(`and ${(reported - REPORTED_MAX).toLocaleString('en')} more rejected rows\n`)
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

const writeOut = async (
  file: string,
  options: MainOptions,
  marketplace: Marketplace,
  output: ProgressOutput,
): Promise<void> => {
  await writeResults(file, applicationRows(options.applications, options.limit), marketplace)
  output.write(`outcomes written to ${file}\n`)
}

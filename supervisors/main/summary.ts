import type { RecoveryFigures } from '../recoveries.ts'
import type { MarketplaceTotals } from '../totals.ts'
import type { Tally } from './tally.ts'

/** What a run ends with: the object of `--json`, and the text for people. */
export interface Summary {
  readonly applications: number
  readonly quotes: number
  readonly declined: number
  readonly referred: number
  readonly rejected: number
  readonly thisRun: number
  readonly recovered: number
  readonly fromSnapshot: number
  readonly eventsReplayed: number
  /** Records in the store: events, and commands that were sent. */
  readonly events: number
  readonly quotesPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  readonly restarts: number
  readonly deadLetters: number
  readonly mode: string
  readonly journal: string
  /** False: a signal ended the run before the end of its input. */
  readonly complete: boolean
  /** Over the whole input, beside the five above: by their customers, over HTTP. */
  readonly withdrawn: number
}

export interface RunFigures {
  readonly tally: Tally
  readonly recovered: RecoveryFigures
  readonly records: number
  readonly seconds: number
  readonly restarts: number
  readonly deadLetters: number
  readonly mode: string
  readonly journal: string
  readonly complete: boolean
}

export const summaryOf = (run: RunFigures): Summary => {
  const { tally, recovered } = run
  const [p50 = 0, p99 = 0, max = 0] = tally.latencies.quantiles([0.5, 0.99, 1])
  return {
    applications: tally.applications,
    quotes: tally.quotes,
    declined: tally.declined,
    referred: tally.referred,
    rejected: tally.rejected,
    thisRun: tally.thisRun,
    recovered: recovered.entities,
    fromSnapshot: recovered.fromSnapshot,
    eventsReplayed: recovered.eventsReplayed,
    events: run.records,
    quotesPerSecond: tally.thisRun === 0 ? 0 : Math.round(tally.thisRun / Math.max(run.seconds, 1e-6)),
    p50Ms: hundredths(p50),
    p99Ms: hundredths(p99),
    maxMs: hundredths(max),
    restarts: run.restarts,
    deadLetters: run.deadLetters,
    mode: run.mode,
    journal: run.journal,
    complete: run.complete,
    withdrawn: tally.withdrawn,
  }
}

export const summaryText = (
  summary: Summary,
  totals: MarketplaceTotals,
  seconds: number,
  durability: string,
  out: string | null,
): string => {
  const lines = [
    ...(summary.complete
      ? []
      : [
          `stopped before the end of the input: run the same command again to go on from here${out === null ? '' : ` and to have ${out} written`}`,
        ]),
    `${count(summary.applications)} applications: ${count(summary.quotes)} quoted, ${count(summary.referred)} referred, ` +
      `${count(summary.declined)} declined, ${count(summary.rejected)} rejected${summary.withdrawn === 0 ? '' : `, ${count(summary.withdrawn)} withdrawn`}`,
    summary.thisRun === 0
      ? nothingDecided(summary)
      : `${count(summary.thisRun)} decided in this run, in ${seconds.toFixed(1)} s: ${count(summary.quotesPerSecond)} a second; ` +
        `p50 ${summary.p50Ms} ms, p99 ${summary.p99Ms} ms, max ${summary.maxMs} ms`,
    `premiums calculated: EUR ${(totals.ttcCents / 100).toLocaleString('en', { minimumFractionDigits: 2 })} for ${count(totals.rates)} risks in the whole store`,
    `${count(summary.events)} records in ${summary.journal}; ${summary.restarts} restarts, ${summary.deadLetters} dead letters; ${summary.mode}`,
    ...(summary.recovered === 0
      ? []
      : [`over the whole run ${recoveredText({ entities: summary.recovered, ...summary })}`]),
    durability,
  ]
  return `${lines.join('\n')}\n`
}

const nothingDecided = (summary: Summary): string =>
  summary.complete && summary.applications === outcomes(summary)
    ? 'nothing was left to do: every application had its outcome in the store'
    : 'none was decided in this run'

/** Less than all applications where some could not be finished. */
const outcomes = ({ quotes, declined, referred, rejected, withdrawn }: Summary): number =>
  quotes + declined + referred + rejected + withdrawn

/** How many actors, of applications and of regions, got back the state that the store has of them. */
export const recoveredText = ({ entities, fromSnapshot, eventsReplayed }: RecoveryFigures): string =>
  `${count(entities)} ${entities === 1 ? 'actor' : 'actors'} recovered from it ` +
  `(${count(fromSnapshot)} from a snapshot, ${count(eventsReplayed)} events replayed)`

const count = (value: number): string => value.toLocaleString('en')
const hundredths = (ms: number): number => Math.round(ms * 100) / 100

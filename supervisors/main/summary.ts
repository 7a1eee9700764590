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
  }
}

export const summaryText = (
  summary: Summary,
  totals: MarketplaceTotals,
  seconds: number,
  durability: string,
): string => {
  const lines = [
    `${count(summary.applications)} applications: ${count(summary.quotes)} quoted, ${count(summary.referred)} referred, ` +
      `${count(summary.declined)} declined, ${count(summary.rejected)} rejected`,
    summary.thisRun === 0
      ? 'nothing was left to do: every application had its outcome in the store'
      : `${count(summary.thisRun)} decided in this run, in ${seconds.toFixed(1)} s: ${count(summary.quotesPerSecond)} a second; ` +
        `p50 ${summary.p50Ms} ms, p99 ${summary.p99Ms} ms, max ${summary.maxMs} ms`,
    `premiums calculated: EUR ${(totals.ttcCents / 100).toLocaleString('en', { minimumFractionDigits: 2 })} for ${count(totals.rates)} risks in the whole store`,
    `recovered ${count(summary.recovered)} entities (${count(summary.fromSnapshot)} from snapshots, ${count(summary.eventsReplayed)} events replayed)`,
    `${count(summary.events)} records in ${summary.journal}; ${summary.restarts} restarts, ${summary.deadLetters} dead letters; ${summary.mode}`,
    durability,
  ]
  return `${lines.join('\n')}\n`
}

const count = (value: number): string => value.toLocaleString('en')
const hundredths = (ms: number): number => Math.round(ms * 100) / 100

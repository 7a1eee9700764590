import { isRuntimeError } from 'troupe'
import type { MessageBridge, ParkedMessage, UnderWay } from 'troupe/messaging'
import type { Marketplace } from '../marketplace.ts'
import { type ProcessRow, type ProcessViewStep, stepAt } from '../views/processes.ts'

/** Where the process of an application stands, or stood. */
export interface ProcessStanding {
  readonly applicationId: string
  readonly mode: string
  readonly asOfMs: number
  readonly step: ProcessViewStep
  readonly attempts: number
  readonly lastError: string | null
  readonly history: readonly StepReached[]
  readonly parked: readonly Pick<Parked, 'type' | 'error' | 'attempts' | 'parkedAtMs'>[]
  readonly bridgesDown: readonly string[]
}

interface StepReached {
  readonly step: ProcessViewStep
  readonly atMs: number
}

interface Parked {
  readonly type: string
  readonly error: string | null
  readonly attempts: number
  readonly parkedAtMs: number
}

/**
 * The steps come from the view, what went wrong from the bridges: now from those that run, and of a time (`atMs`) what
 * they had parked by then, since only that is stored. Null: it had not begun. **Errors**: those of the journal.
 */
export const processAsOf = async (
  { mode, store, bridges }: Marketplace,
  row: ProcessRow,
  atMs: number | null,
): Promise<ProcessStanding | null> => {
  const asOfMs = atMs ?? store.ports.clock.nowMs()
  const step = stepAt(row, asOfMs)
  if (step === null) return null
  const { applicationId } = row
  const told = await Promise.all(
    bridges.map(bridge => (atMs === null ? troubleNow(bridge, applicationId, asOfMs) : troubleThen(bridge, atMs))),
  )
  const parked = told.flatMap(trouble => trouble.parked.filter(({ key }) => key === applicationId).map(parkedOf))
  const failing = told.flatMap(({ underWay }) => (underWay === null ? [] : [underWay]))
  const tried = [...failing.map(({ failures, error }) => ({ attempts: failures, error })), ...parked]
  return {
    applicationId,
    mode,
    asOfMs,
    step,
    attempts: Math.max(0, ...tried.map(({ attempts }) => attempts)),
    lastError: tried.find(({ error }) => error !== null)?.error ?? null,
    history: historyOf(row).filter(reached => reached.atMs <= asOfMs),
    parked,
    bridgesDown: told.flatMap(({ down }) => (down === null ? [] : [down])),
  }
}

/** What a bridge tells about the messages of an application. */
interface Trouble {
  readonly parked: readonly ParkedMessage[]
  readonly underWay: UnderWay | null
  /** Its name where it does not run now. */
  readonly down: string | null
}

/** Where a process stands is asked most when something is down: what is parked is in the store all the same. */
const troubleNow = async (bridge: MessageBridge, key: string, nowMs: number): Promise<Trouble> => {
  try {
    const [parked, underWay] = await Promise.all([bridge.parked(), bridge.underWay(key)])
    return { parked, underWay, down: null }
  } catch (error) {
    if (!isRuntimeError(error, 'BRIDGE_STOPPED')) throw error
    return { parked: await bridge.parkedAsOf(nowMs), underWay: null, down: bridge.name }
  }
}

const troubleThen = async (bridge: MessageBridge, atMs: number): Promise<Trouble> => ({
  parked: await bridge.parkedAsOf(atMs),
  underWay: null,
  down: null,
})

const parkedOf = ({ type, error, failures, parkedAtMs }: ParkedMessage): Parked => ({
  type,
  error,
  attempts: failures,
  parkedAtMs,
})

const historyOf = (row: ProcessRow): readonly StepReached[] => {
  const reached: readonly (readonly [ProcessViewStep, number | null])[] = [
    ['assessing-risk', row.submittedAtMs],
    ['calculating-rate', row.riskAtMs],
    ['evaluating-quote', row.rateAtMs],
    ['ended', row.endedAtMs],
  ]
  return reached.flatMap(([step, atMs]) => (atMs === null ? [] : [{ step, atMs }]))
}

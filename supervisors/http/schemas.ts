/** What comes in and goes out: one set of schemas checks it, types it, and describes it in the OpenAPI document. */

import * as v from 'valibot'
import { applicationIdSchema, applicationSchema, REGIONS } from '../../actors/index.ts'
import { PROCESS_STEPS } from '../views/processes.ts'
import { QUOTE_SORTS, QUOTE_STATUSES } from '../views/quotes.ts'
import { placeOf } from '../views/views.ts'

export const LIMIT_MAX = 500

export const idParams = v.object({ id: applicationIdSchema })

/** A query's values are text. */
const wholeText = (name: string, min: number, max: number) =>
  v.pipe(
    v.string(`${name}: give it once`),
    v.regex(/^\d{1,15}$/, `${name}: expected a whole number from ${min} to ${max}`),
    v.transform(Number),
    v.minValue(min, `${name}: expected a whole number from ${min} to ${max}`),
    v.maxValue(max, `${name}: expected a whole number from ${min} to ${max}`),
  )

const after = v.optional(
  v.pipe(
    v.string('after: give it once'),
    v.regex(/^\d{1,4}-\d{1,15}$/, 'after: expected a position as an answer gave it'),
    v.transform(text => placeOf(text)!),
  ),
)

const page = {
  limit: v.optional(wholeText('limit', 1, LIMIT_MAX), '50'),
  cursor: v.optional(
    v.pipe(v.string('cursor: give it once'), v.regex(/^[\w-]{1,2000}$/, 'cursor: expected one that a page gave')),
  ),
  after,
}

export const afterQuery = v.object({ after })
export const pageQuery = v.object(page)
/** A time in the past: what is told is as of then. Units: ms since 1970. */
const at = v.optional(wholeText('at', 0, 8_640_000_000_000_000 - 1))
export const atQuery = v.object({ at })
export const processQuery = v.object({ after, at })
export const processesQuery = v.object({
  ...page,
  step: v.picklist(PROCESS_STEPS, `step: expected one of ${PROCESS_STEPS.join(', ')}`),
})
export const quotesQuery = v.object({
  ...page,
  status: v.optional(v.picklist(QUOTE_STATUSES, `status: expected one of ${QUOTE_STATUSES.join(', ')}`)),
  region: v.optional(v.picklist(REGIONS, 'region: unknown')),
  sort: v.optional(v.picklist(QUOTE_SORTS, `sort: expected one of ${QUOTE_SORTS.join(', ')}`), 'decided'),
  order: v.optional(v.picklist(['asc', 'desc'], 'order: expected asc or desc'), 'asc'),
})

/** Without an id the idempotency key makes one. */
export const submissionBody = v.object({
  ...applicationSchema.entries,
  applicationId: v.optional(applicationIdSchema),
})

export const idempotencyKey = v.pipe(
  v.string(),
  v.regex(/^[\x21-\x7e]{1,255}$/, 'Idempotency-Key: expected 1 to 255 visible ASCII characters'),
)

const nullable = <S extends v.GenericSchema>(schema: S) => v.nullable(schema)
const ms = v.number()
const texts = v.array(v.string())

export const acceptedAnswer = v.object({ applicationId: v.string(), status: v.string(), position: v.string() })
export const decidedAnswer = v.object({ applicationId: v.string(), outcome: v.string(), position: v.string() })

export const applicationAnswer = v.object({
  applicationId: v.string(),
  status: v.string(),
  application: applicationSchema,
  rate: nullable(v.record(v.string(), v.unknown())),
  reasons: texts,
  rulesVersion: nullable(v.string()),
  validUntilMs: nullable(ms),
  underwriter: nullable(v.string()),
  underwriterReason: nullable(v.string()),
})

export const processAnswer = v.object({
  applicationId: v.string(),
  mode: v.string(),
  asOfMs: ms,
  step: v.picklist(PROCESS_STEPS),
  /** How often what the step waits for has failed so far, of itself. */
  attempts: v.number(),
  /** What that failed with last, or what it waits for; null: nothing is wrong. */
  lastError: nullable(v.string()),
  history: v.array(v.object({ step: v.picklist(PROCESS_STEPS), atMs: ms })),
  parked: v.array(v.object({ type: v.string(), error: nullable(v.string()), attempts: v.number(), parkedAtMs: ms })),
  /** Bridges that do not run now: what they hold up shows no attempts. */
  bridgesDown: texts,
})

const traced = {
  recordId: v.string(),
  record: v.picklist(['event', 'command']),
  type: v.string(),
  actor: v.string(),
  position: v.string(),
  timeMs: ms,
  /** The underwriter who decided; null: an actor by its rules. */
  who: nullable(v.string()),
  /** The name of the caller whose request it all began with; null: nobody in particular. */
  principal: nullable(v.string()),
  why: texts,
  source: nullable(v.string()),
  causationId: nullable(v.string()),
}

export const traceAnswer = v.object({
  applicationId: v.string(),
  mode: v.string(),
  /** In the order in which causes come before what they led to; `depth` says how many causes lead there. */
  records: v.array(v.object({ ...traced, depth: v.number() })),
})

export const quoteAnswer = v.object({
  applicationId: v.string(),
  region: v.string(),
  status: v.string(),
  reasons: texts,
  purePremium: nullable(v.number()),
  ttcCents: nullable(v.number()),
  tariffVersion: nullable(v.string()),
  submittedAtMs: ms,
  decidedAtMs: nullable(ms),
  validUntilMs: nullable(ms),
  underwriter: nullable(v.string()),
  underwriterReason: nullable(v.string()),
})

const rowsOf = <S extends v.GenericSchema>(row: S) => v.object({ rows: v.array(row), cursor: nullable(v.string()) })

export const quotesAnswer = rowsOf(quoteAnswer)
export const referralsAnswer = rowsOf(
  v.object({
    applicationId: v.string(),
    reasons: texts,
    purePremium: v.number(),
    ttcCents: v.number(),
    referredAtMs: ms,
  }),
)
export const processesAnswer = rowsOf(
  v.object({
    applicationId: v.string(),
    submittedAtMs: nullable(ms),
    riskAtMs: nullable(ms),
    rateAtMs: nullable(ms),
    endedAtMs: nullable(ms),
  }),
)
export const regionsAnswer = rowsOf(
  v.object({
    region: v.string(),
    risks: v.number(),
    expectedClaims: v.number(),
    rates: v.number(),
    purePremium: v.number(),
    htCents: v.number(),
    ttcCents: v.number(),
  }),
)

export const healthAnswer = v.object({ status: v.string() })
export const readyAnswer = v.object({
  status: v.string(),
  views: v.record(v.string(), v.object({ isLive: v.boolean(), lag: v.number(), isFailing: v.boolean() })),
})
export const problemAnswer = v.object({
  type: v.string(),
  title: v.string(),
  status: v.number(),
  detail: v.string(),
  errors: v.optional(texts),
})

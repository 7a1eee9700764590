import type { LogPlace, ReadModel } from 'troupe/projection'
import type { Marketplace } from '../marketplace.ts'
import { auditPrefix } from '../views/audit.ts'
import { QUOTE_STATUSES, quoteIndex, quotePrefix } from '../views/quotes.ts'
import type { MarketplaceViews } from '../views/views.ts'
import { Problem } from './problem.ts'
import { processAsOf } from './process.ts'
import { type Route, route } from './route.ts'
import {
  afterQuery,
  applicationAnswer,
  atQuery,
  idParams,
  pageQuery,
  processAnswer,
  processesAnswer,
  processesQuery,
  processQuery,
  quoteAnswer,
  quotesAnswer,
  quotesQuery,
  referralsAnswer,
  regionsAnswer,
  traceAnswer,
} from './schemas.ts'
import { traceOf } from './trace.ts'

/** Records of one application that a trace shows at most; it has a dozen. */
const TRACED_MAX = 1_000

/** What changes nothing. An application is described by its own actor; all else comes from the views. */
export const queryRoutes = (marketplace: Marketplace, views: MarketplaceViews): readonly Route[] => {
  /** The view, once it reflects what the caller has seen. */
  const view = async <Row>(model: ReadModel<Row>, after: LogPlace | undefined, signal: AbortSignal) => {
    if (after === undefined) return model
    const { journal } = marketplace.store
    if (after.partition >= journal.partitions || after.position > marketplace.store.lastPosition(after.partition))
      throw new Problem(400, 'after: the log has no such position.')
    await model.reached(after, { signal })
    return model
  }
  return [
    route({
      method: 'GET',
      path: '/applications/{id}',
      scope: 'read',
      summary: 'How an application stands, or stood at a time',
      params: idParams,
      query: atQuery,
      body: null,
      answers: { status: 200, description: 'The application', schema: applicationAnswer },
      handle: async ({ params: { id }, query: { at } }) => {
        const described = await (at === undefined ? marketplace.describe(id) : marketplace.describeAsOf(id, at))
        if (described.application === null) throw notFound('application')
        return { body: described }
      },
    }),
    route({
      method: 'GET',
      path: '/applications/{id}/process',
      scope: 'read',
      summary: 'Where the process of an application stands, now or as of a time',
      params: idParams,
      query: processQuery,
      body: null,
      answers: { status: 200, description: 'The process', schema: processAnswer },
      handle: async ({ params: { id }, query, signal }) => {
        const row = await (await view(views.processes, query.after, signal)).get(id)
        const process = row === null ? null : await processAsOf(marketplace, row, query.at ?? null)
        if (process === null) throw notFound('process')
        return { body: process }
      },
    }),
    route({
      method: 'GET',
      path: '/applications/{id}/trace',
      scope: 'read',
      summary: 'What led to what, who did it, when and why',
      params: idParams,
      query: afterQuery,
      body: null,
      answers: { status: 200, description: 'The flow', schema: traceAnswer },
      handle: async ({ params: { id }, query, signal }) => {
        const audit = await view(views.audit, query.after, signal)
        const { rows } = await audit.range('application', { prefix: auditPrefix(id), limit: TRACED_MAX })
        if (rows.length === 0) throw notFound('application')
        return { body: { applicationId: id, mode: marketplace.mode, records: traceOf(rows) } }
      },
    }),
    route({
      method: 'GET',
      path: '/quotes/{id}',
      scope: 'read',
      summary: 'The outcome of an application',
      params: idParams,
      query: afterQuery,
      body: null,
      answers: { status: 200, description: 'The outcome', schema: quoteAnswer },
      handle: async ({ params: { id }, query, signal }) => {
        const row = await (await view(views.quotes, query.after, signal)).get(id)
        if (row === null || !(QUOTE_STATUSES as readonly string[]).includes(row.status)) throw notFound('quote')
        return { body: row }
      },
    }),
    route({
      method: 'GET',
      path: '/quotes',
      scope: 'read',
      summary: 'Outcomes, by status and region, in the order of time or premium',
      params: null,
      query: quotesQuery,
      body: null,
      answers: { status: 200, description: 'A page', schema: quotesAnswer },
      handle: async ({ query, signal }) => {
        const { status, region, sort, order, limit, cursor = null, after } = query
        const filters = [...(status ? (['status'] as const) : []), ...(region ? (['region'] as const) : [])]
        const prefix = quotePrefix([status, region].filter(value => value !== undefined))
        const quotes = await view(views.quotes, after, signal)
        const range = { prefix, limit, cursor, descending: order === 'desc' }
        return { body: await quotes.range(quoteIndex(sort, filters), range) }
      },
    }),
    route({
      method: 'GET',
      path: '/referrals',
      scope: 'read',
      summary: 'What waits for an underwriter, the oldest first',
      params: null,
      query: pageQuery,
      body: null,
      answers: { status: 200, description: 'A page', schema: referralsAnswer },
      handle: async ({ query: { limit, cursor = null, after }, signal }) => ({
        body: await (await view(views.referrals, after, signal)).range('age', { limit, cursor }),
      }),
    }),
    route({
      method: 'GET',
      path: '/processes',
      scope: 'read',
      summary: 'Processes at a step, the oldest first',
      params: null,
      query: processesQuery,
      body: null,
      answers: { status: 200, description: 'A page', schema: processesAnswer },
      handle: async ({ query: { step, limit, cursor = null, after }, signal }) => ({
        body: await (await view(views.processes, after, signal)).range('step', { prefix: `${step}|`, limit, cursor }),
      }),
    }),
    route({
      method: 'GET',
      path: '/regions',
      scope: 'read',
      summary: 'Premium and accumulation by region',
      params: null,
      query: pageQuery,
      body: null,
      answers: { status: 200, description: 'A page', schema: regionsAnswer },
      handle: async ({ query: { limit, cursor = null, after }, signal }) => ({
        body: await (await view(views.regions, after, signal)).range('region', { limit, cursor }),
      }),
    }),
  ]
}

const notFound = (what: string): Problem => new Problem(404, `There is no such ${what}, or none yet.`)

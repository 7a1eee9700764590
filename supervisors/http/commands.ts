import { createHash } from 'node:crypto'
import * as v from 'valibot'
import { referralDecisionSchema, withdrawalSchema } from '../../actors/index.ts'
import type { Rejected } from '../answers.ts'
import type { Marketplace } from '../marketplace.ts'
import { placeText } from '../views/views.ts'
import { Problem } from './problem.ts'
import { type Answer, type Route, route } from './route.ts'
import { acceptedAnswer, decidedAnswer, idempotencyKey, idParams, submissionBody } from './schemas.ts'

/** What changes something: each goes through the receiving adapter of its context to the domain's actor, and nowhere else. */
export const commandRoutes = (marketplace: Marketplace): readonly Route[] => [
  route({
    method: 'POST',
    path: '/applications',
    scope: 'submit',
    summary: 'Submit an application; without an applicationId, the Idempotency-Key header makes one',
    params: null,
    query: null,
    body: submissionBody,
    answers: { status: 202, description: 'It is stored and goes on', schema: acceptedAnswer },
    handle: async ({ body, header, cause }) => {
      const applicationId = body.applicationId ?? idOfKey(header('idempotency-key'))
      const view = await marketplace.accept({ ...body, applicationId }, cause)
      if ('outcome' in view) throw refused(view)
      const answer = answerOf(marketplace, applicationId, { applicationId, status: view.status })
      return {
        ...answer,
        status: 202,
        headers: { ...answer.headers, location: `/applications/${pathOf(applicationId)}` },
      }
    },
  }),
  route({
    method: 'POST',
    path: '/applications/{id}/withdrawal',
    scope: 'submit',
    summary: 'Take an application back',
    params: idParams,
    query: null,
    body: v.omit(withdrawalSchema, ['applicationId']),
    answers: { status: 200, description: 'It is withdrawn', schema: decidedAnswer },
    handle: async ({ params: { id }, body, cause }) => {
      const result = await marketplace.withdraw({ applicationId: id, ...body }, cause)
      if ('reasons' in result) throw refused(result)
      return answerOf(marketplace, id, { applicationId: id, outcome: result.outcome })
    },
  }),
  route({
    method: 'POST',
    path: '/referrals/{id}/decision',
    scope: 'operate',
    summary: 'Decide on a referred application',
    params: idParams,
    query: null,
    body: v.omit(referralDecisionSchema, ['applicationId']),
    answers: { status: 200, description: 'It is decided', schema: decidedAnswer },
    handle: async ({ params: { id }, body, cause }) => {
      const result = await marketplace.decideReferral({ applicationId: id, ...body }, cause)
      if ('reasons' in result) throw refused(result)
      return answerOf(marketplace, id, { applicationId: id, outcome: result.outcome })
    },
  }),
]

/** With the place in the log that views must have reached to show it. */
const answerOf = (marketplace: Marketplace, id: string, body: object): Answer & { readonly headers: object } => {
  const position = placeText(marketplace.placeOf(id))
  return { body: { ...body, position }, headers: { 'troupe-position': position } }
}

/** The same key is the same application, for ever. */
const idOfKey = (key: string | null): string => {
  if (key === null) throw new Problem(422, 'Give an applicationId, or an Idempotency-Key of which one is made.')
  const checked = v.safeParse(idempotencyKey, key)
  if (!checked.success) throw new Problem(400, checked.issues[0].message)
  return `key-${createHash('sha256').update(checked.output).digest('base64url')}`
}

const refused = ({ reasons }: Rejected): Problem =>
  reasons.includes('not-submitted')
    ? new Problem(404, 'There is no such application.', reasons)
    : new Problem(409, MEANINGS[reasons[0] ?? ''] ?? 'The domain refuses it.', reasons)

const MEANINGS: Readonly<Record<string, string>> = {
  'other-content': 'An application with this id and other values was submitted before, and that one counts.',
  'not-referred': 'Only a referred application can be decided on, and only once.',
  declined: 'It was declined: there is nothing to take back.',
}

/** An id as a part of a path. */
const pathOf = (id: string): string => encodeURIComponent(id)

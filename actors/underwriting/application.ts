/**
 * The application entity, one per application id: takes the application, evaluates its quote by the underwriting rules
 * once it is rated, and holds the outcome and what an underwriter decided later.
 *
 *     unknown ── SubmitApplication ──> submitted ── EvaluateQuote ──> quoted | declined | referred
 *                                                     referred ── DecideReferral ──> quoted | declined
 *
 * WithdrawApplication ends one that is submitted, quoted or referred: `withdrawn`, whatever is still under way for it.
 * Every command may come twice; the second one changes nothing and gets the answer of the first.
 */

import { eventSourced } from 'troupe'
import { decide } from './decide.ts'
import { evolve, initialView } from './evolve.ts'
import type { ApplicationCommand, ApplicationEvent, ApplicationReply, ApplicationView } from './messages.ts'

export const application = eventSourced<ApplicationCommand, ApplicationEvent, ApplicationView, ApplicationReply>({
  name: 'application',
  initial: initialView,
  decide,
  evolve,
})

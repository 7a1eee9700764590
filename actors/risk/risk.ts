/**
 * The risk entity, one per region: assesses the expected claim frequency of each application with the current tariff and
 * keeps the region's accumulation.
 *
 * It assesses whatever command it is given: that a message is delivered twice is for the runtime's inbox to notice, since
 * remembering tens of thousands of application ids here would make every snapshot as large as the history.
 */

import { type Decision, eventSourced } from 'troupe'
import { currentTariff } from '../tariffs/index.ts'
import { expectedFrequency } from '../tariffs/rating.ts'
import type { Accumulation, AssessRisk, RiskAssessed, RiskCommand, RiskEvent, RiskReply } from './messages.ts'

export const risk = eventSourced<RiskCommand, RiskEvent, Accumulation, RiskReply>({
  name: 'risk',
  initial: () => ({ risks: 0, expectedClaims: 0 }),

  decide(accumulation, command): Decision<RiskEvent, RiskReply> {
    switch (command.type) {
      case 'AssessRisk': {
        const assessment = assess(command)
        return { events: [assessment], reply: { type: 'assessed', assessment } }
      }
      case 'DescribeAccumulation':
        return { events: [], reply: { type: 'accumulation', accumulation } }
    }
  },

  evolve: (accumulation, event) => ({
    risks: accumulation.risks + 1,
    expectedClaims: accumulation.expectedClaims + event.expectedFrequency,
  }),

  snapshot: { every: 100, keep: 2 },
})

const assess = (command: AssessRisk): RiskAssessed => ({
  type: 'RiskAssessed',
  applicationId: command.applicationId,
  region: command.region,
  drivAge: command.drivAge,
  vehAge: command.vehAge,
  bonusMalus: command.bonusMalus,
  expectedFrequency: expectedFrequency(currentTariff, command),
  tariffVersion: currentTariff.version,
})

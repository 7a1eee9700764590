// The built-in sample rows as applications, with ids that no earlier call gave: what is submitted twice costs nothing.

import { applicationRows } from '../../dist/supervisors/main/input.js'

let rounds = 0

/** @returns {Promise<(count: number) => object[]>} */
export async function sampleApplications() {
  const rows = []
  for await (const { application } of applicationRows(null, Number.POSITIVE_INFINITY)) rows.push(application)
  return count => {
    const round = ++rounds
    return Array.from({ length: count }, (_, i) => ({
      ...rows[i % rows.length],
      applicationId: `B${round}-${String(i).padStart(6, '0')}`,
    }))
  }
}

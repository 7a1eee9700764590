// Prints `N passed, N failed` from vitest's JSON report:
//
//     node scripts/test-counts.mjs REPORT
//
// A file that failed outside its tests (it does not load, a hook threw) counts as one failure, and so does a run that
// ended without a report: neither may look like success.

import { existsSync, readFileSync } from 'node:fs'

const hasFailedTest = file => file.assertionResults.some(test => test.status === 'failed')

function counts(path) {
  if (path === undefined || !existsSync(path)) return { passed: 0, failed: 1 }
  const report = JSON.parse(readFileSync(path, 'utf8'))
  const failedAround = report.testResults.filter(file => file.status === 'failed' && !hasFailedTest(file)).length
  return { passed: report.numPassedTests, failed: report.numFailedTests + failedAround }
}

const { passed, failed } = counts(process.argv[2])
console.log(`${passed} passed, ${failed} failed`)

// What the code of one file must not spell: the domain's words in the runtime, and the world's clock and chance anywhere
// but behind the ports.

import { lineOf } from './source-text.mjs'

const INSURANCE = /[\w$-]*(?:premium|underwrit|insuranc|insurer|insured|policyholder|tariff|actuar)[\w$-]*/gi

/** Named, not only called: `const later = setTimeout` is a call in waiting. A type (`typeof setTimeout`) is none. */
const WORLD = new RegExp(
  [
    String.raw`\bDate\.now\b`,
    String.raw`\bnew Date\(\s*\)`,
    String.raw`\bMath\.random\b`,
    String.raw`\bperformance\.now\b`,
    String.raw`\bprocess\.hrtime\b`,
    String.raw`\b(?:randomUUID|randomBytes|getRandomValues)\b`,
    String.raw`(?<!\btypeof )(?<!(?<!globalThis)\.)\b(?:setTimeout|setInterval|setImmediate)\b(?!\s*\??:)`,
  ].join('|'),
  'g',
)

/** base holds the ports; the command line and the inspector are programs of their own. */
const OWN_WORLD = /^src\/(base|cli|inspector)\//

/** @returns {Generator<{ line: number, rule: string, text: string }>} */
export function* wordViolations(file) {
  if (file.path.startsWith('src/')) yield* insurance(file)
  if (OWN_WORLD.test(file.path)) return
  for (const match of file.bare.matchAll(WORLD))
    yield {
      line: lineOf(file.source, match.index),
      rule: 'ports',
      text: `${match[0]}: only src/base asks the world, take it from the ports`,
    }
}

function* insurance(file) {
  const named = file.path.match(INSURANCE)
  if (named !== null) yield { line: 1, rule: 'domain', text: `${named[0]}: src never names insurance` }
  for (const match of file.code.matchAll(INSURANCE))
    yield { line: lineOf(file.source, match.index), rule: 'domain', text: `${match[0]}: src never names insurance` }
}

// Holds the house in order: import directions, drivers in their folder, a main door without dependencies, no import
// cycles, no insurance in the runtime, no clock and no chance but through the ports. DESIGN gives the reasons.
//
//     node scripts/check-imports.mjs [ROOT]
//
// Prints one line for each violation (`src/kernel/cell.ts:3: direction: …`) and exits with 1 if there was one.

import { resolve } from 'node:path'
import { directionViolations } from './imports/directions.mjs'
import { cycleViolations, doorViolations } from './imports/reach.mjs'
import { readTree } from './imports/tree.mjs'
import { wordViolations } from './imports/words.mjs'

const tree = readTree(resolve(process.argv[2] ?? `${import.meta.dirname}/..`))
const violations = [...doorViolations(tree), ...cycleViolations(tree)]
for (const file of tree.files.values())
  for (const found of [...directionViolations(file, tree), ...wordViolations(file)])
    violations.push({ path: file.path, ...found })

violations.sort((a, b) => (a.path === b.path ? a.line - b.line : a.path < b.path ? -1 : 1))
for (const { path, line, rule, text } of violations) console.log(`${path}:${line}: ${rule}: ${text}`)
if (violations.length === 0) console.log(`imports: ${tree.files.size} files in order`)
else process.exitCode = 1

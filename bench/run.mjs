// npm run bench -- SUITE [--quick] [--json] [--only NAME]…
//
// Runs bench/suites/SUITE.mjs against the built package and prints a table. `--quick`: small parameters, to see that it
// runs; its figures mean nothing. `--json`: one object on the last line. `--only`: these results of the suite, as for a
// profile: `node --cpu-prof bench/run.mjs kernel --only tell`.
//
// A suite exports `open({ quick, seed, collect })`, which resolves with `{ questions, close }`; frame.mjs says what a question is.

import { existsSync, readdirSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { measure } from './frame.mjs'
import { machine } from './machine.mjs'
import { summary, table } from './report.mjs'

/** The same inputs for every run and every side. */
const SEED = 1

const suites = readdirSync(`${import.meta.dirname}/suites`).map(file => file.replace(/\.mjs$/, ''))

const refuse = text => {
  console.error(`bench: ${text}`)
  process.exit(2)
}

function options() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { json: { type: 'boolean' }, quick: { type: 'boolean' }, only: { type: 'string', multiple: true } },
    })
    if (positionals.length !== 1 || !suites.includes(positionals[0])) refuse(`name one suite: ${suites.join(', ')}`)
    return {
      suite: positionals[0],
      json: values.json ?? false,
      quick: values.quick ?? false,
      only: values.only ?? null,
    }
  } catch (error) {
    return refuse(error.message)
  }
}

/** `--expose-gc`, for a process that runs already. */
function collector() {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc')
}

const { suite, json, quick, only } = options()
if (!existsSync(`${import.meta.dirname}/../dist/src/index.js`)) refuse('nothing is built: npm run build')

const where = machine()
console.log(
  `bench ${suite}${quick ? ' (quick: the figures mean nothing)' : ''}: node ${where.node}, ${where.cpu}, commit ${where.commit}`,
)

const { open } = await import(`./suites/${suite}.mjs`)
const collect = collector()
const { questions, close } = await open({ quick, seed: SEED, collect })
const chosen = only === null ? questions : questions.filter(question => only.includes(question.name))
if (chosen.length === 0) refuse(`${suite} measures ${questions.map(question => question.name).join(', ')}`)

const answers = []
try {
  const sampling = { samples: quick ? 8 : 10, warmUps: quick ? 1 : 2, collect }
  for (const question of chosen) answers.push(await measure(question, sampling))
} finally {
  await close()
}
console.log(table(answers, { goals: !quick }))
if (json) console.log(JSON.stringify(summary(suite, where, answers)))

#!/usr/bin/env node
/** The `troupe` command: backs stores up, restores and verifies them. */

import { createRequire } from 'node:module'
import { parseArgs } from 'node:util'
import { causesOf, explain, isRuntimeError, toError } from '../base/errors.ts'
import { COMMANDS, type Command, type Done, UsageError } from './commands.ts'
import { Interrupted } from './interruption.ts'

const DONE = 0
const FAILED = 1
const WRONG_USAGE = 2

const usageOf = ([name, { args, what }]: [string, Command]): string =>
  `  troupe ${name} ${args.join(' ')}\n      ${what}`

const USAGE = `troupe COMMAND

${Object.entries(COMMANDS).map(usageOf).join('\n')}

JOURNAL is lmdb:DIR, or redis://HOST:PORT[/DB][?prefix=NAME] (rediss:// for TLS). A Redis Cluster (redis-cluster://…) has
no backup: its partitions cannot be asked where they stand at one moment.

  --archive DIR   where the journal's segments were rolled out to; of a restore, where those go that lie before a dropped one
  --json          what was done as one JSON object on standard output
  -h, --help      this text
  --version       which version of Troupe this is

Exit codes: 0 done; 1 failed, standard error says why, and nothing is left that could pass for a backup or a store;
2 wrong usage; 130 and 143 given up on SIGINT and SIGTERM, and nothing is left.`

const main = async (args: readonly string[]): Promise<number> => {
  const { values, positionals } = parse(args)
  if (values.help === true) {
    process.stdout.write(`${USAGE}\n`)
    return DONE
  }
  if (values.version === true) {
    process.stdout.write(`${version()}\n`)
    return DONE
  }
  const [name = '', ...given] = positionals
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (command === undefined) throw new UsageError(name === '' ? 'no command' : `troupe knows no command ${name}`)
  if (given.length !== command.args.length) throw new UsageError(`troupe ${name} takes ${command.args.join(' and ')}`)
  const done = await command.run({ archive: values.archive ?? null }, ...given)
  process.stdout.write(`${values.json === true ? inJson(name, done) : done.text}\n`)
  return DONE
}

/** Of the package that this file is a part of. */
const version = (): string => {
  const require = createRequire(import.meta.url)
  return (require('troupe/package.json') as { readonly version: string }).version
}

const inJson = (command: string, { fields }: Done): string => JSON.stringify({ command, ...fields })

/** With its causes, but for those whose words its own text has already. */
const inWords = (error: Error): string =>
  causesOf(error).every(({ message }) => error.message.includes(message)) ? error.message : explain(error)

const parse = (args: readonly string[]) => {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        archive: { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean' },
      },
    })
  } catch (error) {
    // Its first sentence: the others are about options of other programs.
    throw new UsageError(toError(error).message.replace(/\. .*$/s, ''))
  }
}

main(process.argv.slice(2)).then(
  code => {
    process.exitCode = code
  },
  thrown => {
    const error = toError(thrown)
    const isUsage = error instanceof UsageError
    const code = isRuntimeError(error) ? `${error.code}: ` : ''
    process.stderr.write(`troupe: ${code}${inWords(error)}\n${isUsage ? 'troupe --help lists the commands\n' : ''}`)
    process.exitCode = error instanceof Interrupted ? error.exitCode : isUsage ? WRONG_USAGE : FAILED
  },
)

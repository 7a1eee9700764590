// What a figure is worth nothing without: where it was measured, and what.

import { execFileSync } from 'node:child_process'
import { cpus } from 'node:os'

/** @returns {{ node: string, cpu: string, commit: string }} */
export const machine = () => ({
  node: process.version,
  cpu: `${cpus().length} x ${cpus()[0].model.trim()}`,
  commit: commit(),
})

/** Short hash, with `+` when files differ from it; `unknown` where there is no repository, as in an unpacked archive. */
function commit() {
  try {
    const hash = git('rev-parse', '--short', 'HEAD')
    return git('status', '--porcelain', '--untracked-files=no') === '' ? hash : `${hash}+`
  } catch (error) {
    console.error(`bench: no commit to name: ${error.message.split('\n')[0]}`)
    return 'unknown'
  }
}

const git = (...args) =>
  execFileSync('git', args, { cwd: import.meta.dirname, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()

// Is what would be published whole? Packs the built package and, in folders that know nothing of this checkout:
//
//     alone/      the pack and nothing else: `import 'troupe'` works, so it needs no dependency
//     installed/  the pack installed by npm: every door of `exports` imports, and a strict TypeScript consumer compiles,
//                 in which telling a ref anything but its messages is an error
//
//     npm run build && node scripts/check-pack.mjs
//
// Prints a line for each step; stops at the first that fails, with its output, and exits with 1.

import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { consumer } from './pack/consumer.mjs'

const project = join(import.meta.dirname, '..')
const manifest = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8'))
const { name } = manifest
/** `troupe`, `troupe/lmdb`, … */
const doors = Object.keys(manifest.exports)
  .filter(path => path !== './package.json')
  .map(path => name + path.slice(1))

class StepFailed extends Error {}

function step(what, command, args, cwd) {
  const run = spawnSync(command, args, { cwd, encoding: 'utf8' })
  if (run.error !== undefined) throw new StepFailed(`${what}: ${run.error.message}`)
  if (run.status !== 0) throw new StepFailed(`${what}\n${run.stdout}${run.stderr}`)
  console.log(`pack: ${what}`)
  return run.stdout
}

function emptyFolder(base, folder) {
  const path = join(base, folder)
  mkdirSync(path)
  writeFileSync(
    join(path, 'package.json'),
    JSON.stringify({ name: `${folder}-consumer`, private: true, type: 'module' }),
  )
  return path
}

const importing = specifiers => specifiers.map(specifier => `await import('${specifier}')`).join('; ')

/** The pack by itself in node_modules: any import of a dependency, now or at load, would fail. */
function checkAlone(base, tarball) {
  const folder = emptyFolder(base, 'alone')
  step('unpacks', 'tar', ['-xzf', tarball, '-C', folder], base)
  mkdirSync(join(folder, 'node_modules'))
  cpSync(join(folder, 'package'), join(folder, 'node_modules', name), { recursive: true })
  step(
    `${name} imports without its dependencies`,
    process.execPath,
    ['--input-type=module', '-e', importing([name])],
    folder,
  )
}

function checkInstalled(base, tarball) {
  const folder = emptyFolder(base, 'installed')
  const quietly = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error']
  step('installs in an empty folder', 'npm', ['install', ...quietly, tarball], folder)
  step(`${doors.join(', ')} import`, process.execPath, ['--input-type=module', '-e', importing(doors)], folder)
  for (const [file, text] of Object.entries(consumer({ name, doors, typeRoots: join(project, 'node_modules/@types') })))
    writeFileSync(join(folder, file), text)
  const tsc = join(project, 'node_modules/typescript/bin/tsc')
  step(
    'a strict consumer compiles, and refs refuse what is not their message',
    process.execPath,
    [tsc, '-p', '.'],
    folder,
  )
  step('that consumer runs', process.execPath, ['consumer.js'], folder)
}

const base = mkdtempSync(join(tmpdir(), 'pack-'))
try {
  const packed = step('packs', 'npm', ['pack', '--json', '--loglevel=error', '--pack-destination', base], project)
  const [{ filename, files, size }] = [JSON.parse(packed)].flatMap(answer => Object.values(answer))
  console.log(`pack: ${filename}, ${files.length} files, ${Math.ceil(size / 1024)} KiB`)
  checkAlone(base, join(base, filename))
  checkInstalled(base, join(base, filename))
} catch (error) {
  if (!(error instanceof StepFailed)) throw error
  console.error(`pack: FAILED: ${error.message}`)
  process.exitCode = 1
} finally {
  rmSync(base, { recursive: true })
}

// Is what would be published whole? Packs the built package and, in folders that know nothing of this checkout:
//
//     alone/      the pack and nothing else: `import 'troupe'` works, so it needs no dependency
//     installed/  the pack installed by npm: every door of `exports` imports, and a strict TypeScript consumer compiles,
//                 in which telling a ref anything but its messages is an error
//     defaults/   the pack in a folder where `tsc --init` was run: every door compiles with what that gives, and with the
//                 declarations of all packages checked too (those of ioredis need Node's); the programs of README and guide
//                 compile and run
//
//     npm run build && node scripts/check-pack.mjs
//
// Prints a line for each step; stops at the first that fails, with its output, and exits with 1.

import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, relative } from 'node:path'
import { consumer } from './pack/consumer.mjs'
import { withNodeTypes, withoutNodeTypes } from './pack/defaults.mjs'
import { printed } from './pack/printed.mjs'

const project = join(import.meta.dirname, '..')
const manifest = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8'))
const { name } = manifest
const tsc = join(project, 'node_modules/typescript/bin/tsc')
/** What each path of `exports` leads to; a pattern is one path for each file that it stands for. */
const exported = Object.entries(manifest.exports)
  .filter(([path]) => path !== './package.json')
  .flatMap(([path, { types, default: file }]) =>
    path.includes('*') ? spelledOut(path, file) : [{ path, types, file }],
  )
/** `troupe`, `troupe/lmdb`, … */
const doors = exported.map(({ path }) => name + path.slice(1))

/** One for each file of the built package that the pattern is about. */
function spelledOut(path, pattern) {
  const [before, after] = pattern.split('*')
  const files = readdirSync(join(project, before), { recursive: true }).filter(file => file.endsWith(after))
  return files.map(file => {
    const stem = file.slice(0, -after.length)
    return { path: path.replace('*', stem), types: `${before}${stem}.d.ts`, file: `${before}${file}` }
  })
}

class StepFailed extends Error {}

function run(command, args, cwd, what) {
  const { error, status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' })
  if (error !== undefined) throw new StepFailed(`${what}: ${error.message}`)
  if (status !== 0) throw new StepFailed(`${what}\n${stdout}${stderr}`)
  return stdout
}

function step(what, command, args, cwd) {
  const output = run(command, args, cwd, what)
  console.log(`pack: ${what}`)
  return output
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

function writeFiles(folder, files) {
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text)
}

function install(folder, tarball) {
  const quietly = ['--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error']
  step(`installs in ${basename(folder)}/`, 'npm', ['install', ...quietly, tarball], folder)
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
  install(folder, tarball)
  step(`${doors.join(', ')} import`, process.execPath, ['--input-type=module', '-e', importing(doors)], folder)
  writeFiles(folder, consumer({ doors, typeRoots: join(project, 'node_modules/@types') }))
  step(
    'a strict consumer compiles, and refs refuse what is not their message',
    process.execPath,
    [tsc, '-p', '.'],
    folder,
  )
  step('that consumer runs', process.execPath, ['consumer.js'], folder)
}

function checkDefaults(base, tarball) {
  const folder = emptyFolder(base, 'defaults')
  install(folder, tarball)
  step('tsc --init', process.execPath, [tsc, '--init'], folder)
  const compile = (what, ...args) => step(what, process.execPath, [tsc, '-p', '.', ...args], folder)
  writeFiles(folder, withoutNodeTypes())
  compile('without @types/node all doors but that to Redis compile', '--skipLibCheck', 'false')
  writeFiles(folder, withNodeTypes())
  compile('without @types/node all doors compile as tsc --init has it')
  step('that consumer runs', process.execPath, ['actors.js'], folder)
  for (const types of ['@types/node', 'undici-types'])
    cpSync(join(project, 'node_modules', types), join(folder, 'node_modules', types), { recursive: true })
  compile('with @types/node all doors compile', '--skipLibCheck', 'false')
  checkPrinted(folder, compile)
}

/** What the pages print runs from the pack; that it prints what it should is for the tests to say. */
function checkPrinted(folder, compile) {
  const programs = printed(project)
  writeFiles(folder, Object.fromEntries(programs.map(({ file, source }) => [file, source])))
  compile(`the ${programs.length} programs of README and guide compile`, '--types', 'node')
  const running = programs.filter(({ needsServer }) => !needsServer).map(({ file }) => `./${file.replace(/ts$/, 'js')}`)
  for (const program of running) run(process.execPath, [program], folder, program)
  console.log(`pack: ${running.length} of them run`)
}

/** Every target of `exports`, and every map that a script names. */
function checkWhole(base) {
  const folder = join(base, 'alone/package')
  const targets = exported.flatMap(({ types, file }) => [file, types])
  const missing = targets.filter(target => !existsSync(join(folder, target)))
  for (const file of readdirSync(folder, { recursive: true })) {
    if (!file.endsWith('.js')) continue
    const map = /^\/\/# sourceMappingURL=(.*)$/m.exec(readFileSync(join(folder, file), 'utf8'))?.[1]
    if (map !== undefined) missing.push(...unmapped(folder, join(folder, dirname(file), map)))
  }
  if (missing.length > 0) throw new StepFailed(`is whole: it lacks ${missing.slice(0, 5).join(', ')}`)
  console.log('pack: is whole: what exports and source maps name is there')
}

/** What a source map names and the pack lacks, or the map itself. */
function unmapped(folder, map) {
  if (!existsSync(map)) return [relative(folder, map)]
  const { sources } = JSON.parse(readFileSync(map, 'utf8'))
  const missing = sources.map(source => join(dirname(map), source)).filter(source => !existsSync(source))
  return missing.map(source => relative(folder, source))
}

const base = mkdtempSync(join(tmpdir(), 'pack-'))
try {
  const packed = step('packs', 'npm', ['pack', '--json', '--loglevel=error', '--pack-destination', base], project)
  const [{ filename, files, size }] = [JSON.parse(packed)].flatMap(answer => Object.values(answer))
  console.log(`pack: ${filename}, ${files.length} files, ${Math.ceil(size / 1024)} KiB`)
  checkAlone(base, join(base, filename))
  checkWhole(base)
  checkInstalled(base, join(base, filename))
  checkDefaults(base, join(base, filename))
} catch (error) {
  if (!(error instanceof StepFailed)) throw error
  console.error(`pack: FAILED: ${error.message}`)
  process.exitCode = 1
} finally {
  rmSync(base, { recursive: true })
}

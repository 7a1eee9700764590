// What `npm run setup` promises, on machines that this one is not: each has a PATH of its own with exactly the commands
// that the case is about. The installation through apt-get itself needs a machine to change, so it is not among them.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'

const script = join(import.meta.dirname, '../../scripts/setup.sh')
let machine: string

beforeEach(() => {
  machine = mkdtempSync(join(tmpdir(), 'setup-'))
  for (const tool of ['sed', 'chmod']) symlinkSync(whereIs(tool), join(machine, tool))
})
afterEach(() => rmSync(machine, { recursive: true }))

const whereIs = (tool: string): string =>
  (process.env.PATH ?? '')
    .split(':')
    .map(folder => join(folder, tool))
    .find(existsSync) ?? `/bin/${tool}`

const command = (name: string, body: string): void =>
  writeFileSync(join(machine, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 })

const redis = (version: string): string => `echo "Redis server v=${version} sha=00000000:0 malloc=libc bits=64"`

/** A package manager that notes how it was called and brings a redis-server. */
const manager = (name: string): void =>
  command(
    name,
    `echo "${name} $*" >>'${machine}/calls'
printf '#!/bin/sh\\n${redis('7.2.4').replaceAll('"', '\\"')}\\n' >'${machine}/redis-server'
chmod 755 '${machine}/redis-server'`,
  )

const asUser = (uid: number): void => command('id', `echo ${uid}`)

const setup = (): { status: number | null; out: string; errors: string[] } => {
  const run = spawnSync('/bin/sh', [script], { env: { PATH: machine }, encoding: 'utf8' })
  return { status: run.status, out: run.stdout, errors: run.stderr.split('\n').filter(line => line !== '') }
}

const calls = (): string => (existsSync(join(machine, 'calls')) ? readFileSync(join(machine, 'calls'), 'utf8') : '')

test.each(['6.2.0', '7.0.15', '10.0.1'])('does nothing where redis-server %s is found', version => {
  command('redis-server', redis(version))
  manager('apk')
  asUser(0)
  expect(setup()).toEqual({ status: 0, out: `setup: redis-server ${version} is here\n`, errors: [] })
  expect(calls()).toBe('')
})

test.each(['5.0.14', '6.0.16'])('refuses redis-server %s, which lacks what the journal needs', version => {
  command('redis-server', redis(version))
  const { status, errors } = setup()
  expect(status).toBe(1)
  expect(errors).toEqual([`setup: redis-server ${version} is too old: install redis-server 6.2 or newer`])
})

test.each([
  ['apk', 'apk add --no-cache redis\n'],
  ['dnf', 'dnf install -y redis\n'],
  ['pacman', 'pacman -Sy --noconfirm --needed redis\n'],
])('installs it as root with %s', (name, call) => {
  manager(name)
  asUser(0)
  const { status, out } = setup()
  expect(status).toBe(0)
  expect(out).toContain('setup: redis-server 7.2.4 was installed')
  expect(calls()).toBe(call)
})

test('installs it with brew as the user, never as root', () => {
  manager('brew')
  asUser(501)
  expect(setup().status).toBe(0)
  expect(calls()).toBe('brew install redis\n')
})

test('goes through sudo where it asks for no password', () => {
  manager('apk')
  asUser(1000)
  command('sudo', `[ "$1" = -n ] || exit 1; shift; [ "$1" = true ] || { echo "sudo" >>'${machine}/calls'; "$@"; }`)
  expect(setup().status).toBe(0)
  expect(calls()).toBe('sudo\napk add --no-cache redis\n')
})

test('says in one line what to install where sudo would ask for a password', () => {
  manager('apk')
  asUser(1000)
  command('sudo', 'exit 1')
  const { status, errors } = setup()
  expect(status).toBe(1)
  expect(errors).toEqual(['setup: apk needs root or sudo without a password: install redis-server 6.2 or newer'])
  expect(calls()).toBe('')
})

test('says in one line what to install where there is no package manager', () => {
  const { status, errors } = setup()
  expect(status).toBe(1)
  expect(errors).toEqual(['setup: no package manager that this script knows: install redis-server 6.2 or newer'])
})

test('fails where the package manager brings no redis-server', () => {
  command('apk', 'exit 0')
  asUser(0)
  const { status, errors } = setup()
  expect(status).toBe(1)
  expect(errors).toEqual(['setup: apk installed no redis-server: install redis-server 6.2 or newer'])
})

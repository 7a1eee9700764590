// Erlang as a peer: one emulator beside this process, which runs a workload each time it is asked (erlang/driver.erl).
// It has one scheduler, as ours is one thread, and does not spin while it waits, since the other sides run meanwhile.

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const DRIVER_FOLDER = join(import.meta.dirname, 'erlang')

/**
 * @param {string} folder   where the workloads are: a module each, with `run`
 * @returns {Erlang | null}   null, and a line that says so, where there is no `erl`
 */
export function openErlang(folder) {
  const probe = spawnSync('erl', ['-noshell', '-eval', 'io:put_chars(erlang:system_info(otp_release)), halt().'])
  if (probe.error !== undefined || probe.status !== 0) {
    console.log(`erlang: left out, no erl runs here (${probe.error?.code ?? `status ${probe.status}`})`)
    return null
  }
  console.log(`erlang: OTP ${probe.stdout}, one scheduler`)
  return new Erlang(folder)
}

class Erlang {
  #process
  #lines
  #exited

  constructor(folder) {
    const folders = [...new Set([folder, DRIVER_FOLDER])].map(path => `"${path}"`)
    const driver = JSON.stringify(join(DRIVER_FOLDER, 'driver'))
    const boot = `{ok, driver, Binary} = compile:file(${driver}, [binary, report_errors]),
      {module, driver} = code:load_binary(driver, "driver.erl", Binary), driver:start([${folders}]).`
    this.#process = spawn('erl', ['-noshell', '+S', '1:1', '+sbwt', 'none', '+P', '1000000', '-eval', boot], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    this.#exited = once(this.#process, 'exit')
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]()
  }

  /**
   * Runs `module:run(…args)`.
   * @param {string} module
   * @param {number[]} args
   * @returns {Promise<{ seconds: number, checksum: number }>}
   */
  async run(module, args) {
    this.#process.stdin.write(`${[module, ...args].join(' ')}\n`)
    const { value: line, done } = await this.#lines.next()
    if (done) throw new Error(`erlang: ended while it ran ${module}; what it said is above`)
    const [nanoseconds, checksum] = line.split(' ').map(Number)
    return { seconds: nanoseconds / 1e9, checksum }
  }

  async close() {
    this.#process.stdin.end()
    await this.#exited
  }
}

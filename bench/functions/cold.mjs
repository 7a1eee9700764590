// A process as a platform starts it for the first invocation: `node cold.mjs MODULE PORT PREFIX`. Tells its parent how long
// it took from the module's import to the first result. Units: ms.

const [module, port, prefix] = process.argv.slice(2)
const start = performance.now()
const { openFunction } = await import(`./${module}.mjs`)
const invoke = openFunction(Number(port), prefix)
const { reply } = await invoke({ id: 'x', command: { cents: 1 } })
const tookMs = performance.now() - start
await invoke.close()
process.send({ tookMs, reply })
process.disconnect()

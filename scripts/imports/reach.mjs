// What follows from many imports together: what the main door pulls in, and cycles.

const DOOR = 'src/index.ts'

const loads = link => link.kind !== 'type'

/** @returns {Generator<{ path: string, line: number, rule: string, text: string }>} */
export function* doorViolations({ files }) {
  const cameFrom = new Map([[DOOR, null]])
  for (const path of cameFrom.keys()) {
    for (const link of files.get(path)?.links.filter(loads) ?? []) {
      const forbidden = link.package ?? (link.file?.startsWith('src/adapters/') ? link.file : null)
      if (forbidden !== null) {
        const text = `the main door must not load ${forbidden}: ${way(cameFrom, path)}`
        yield { path, line: link.line, rule: 'door', text }
      } else if (link.file !== null && !cameFrom.has(link.file)) cameFrom.set(link.file, path)
    }
  }
}

function way(cameFrom, path) {
  const steps = []
  for (let at = path; at !== null; at = cameFrom.get(at)) steps.unshift(at)
  return steps.join(' > ')
}

/** One violation for each group of files that import each other in a ring. Lazy imports close no ring: nothing waits. */
export function* cycleViolations({ files }) {
  const next = path => files.get(path).links.filter(link => link.kind === 'value' && files.has(link.file))
  for (const ring of rings([...files.keys()], path => next(path).map(link => link.file))) {
    const [first, second] = ring
    const { line } = next(first).find(link => link.file === second)
    yield { path: first, line, rule: 'cycle', text: `import cycle: ${[...ring, first].join(' > ')}` }
  }
}

/** A shortest ring of each strongly connected group, by looking for the way back from each file in turn. */
function* rings(paths, next) {
  const seen = new Set()
  for (const start of paths) {
    if (seen.has(start)) continue
    const ring = wayBack(start, next)
    if (ring === null) continue
    for (const path of ring) seen.add(path)
    yield ring
  }
}

function wayBack(start, next) {
  const cameFrom = new Map([[start, null]])
  for (const path of cameFrom.keys()) {
    for (const target of next(path)) {
      if (target === start) {
        const ring = []
        for (let at = path; at !== null; at = cameFrom.get(at)) ring.unshift(at)
        return ring
      }
      if (!cameFrom.has(target)) cameFrom.set(target, path)
    }
  }
  return null
}

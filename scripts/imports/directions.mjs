// Who may import whom. A folder under src/ imports only folders above it in this list.

export const HOUSE = [
  'base',
  'kernel',
  'supervision',
  'persistence',
  'messaging',
  'process',
  'projection',
  'adapters',
  'feed',
  'functions',
  'cluster',
  'telemetry',
  'testkit',
  'nact',
  'cli',
  'inspector',
]

/** Folders that know less than their place would let them. */
const NARROW = {
  testkit: ['base', 'kernel', 'supervision', 'persistence', 'messaging'],
  nact: ['base', 'kernel', 'supervision', 'persistence'],
}

/** The folders that may know everything. */
const OMNISCIENT = ['cli', 'inspector']

/** Packages that only one folder names. */
const HOME_OF = { ioredis: 'src/adapters/', lmdb: 'src/adapters/', msgpackr: 'src/adapters/' }

const mayImport = (from, to) => {
  if (from === to || OMNISCIENT.includes(from)) return true
  return NARROW[from] === undefined ? HOUSE.indexOf(to) < HOUSE.indexOf(from) : NARROW[from].includes(to)
}

/** `kernel` for src/kernel/cell.ts, null for a file in src/ itself. */
const folderOf = path => (path.split('/').length > 2 ? path.split('/')[1] : null)

/** @returns {Generator<{ line: number, rule: string, text: string }>} */
export function* directionViolations(file, tree) {
  const top = file.path.split('/')[0]
  if (top === 'src') yield* unknownFolder(file)
  for (const link of file.links) {
    const text = IN[top](file, link, tree) ?? (link.package === null ? null : packageText(file, link, tree))
    if (text !== null) yield { line: link.line, rule: 'direction', text: `${link.target}: ${text}` }
  }
}

function* unknownFolder(file) {
  const folder = folderOf(file.path)
  if (folder !== null && !HOUSE.includes(folder))
    yield {
      line: 1,
      rule: 'direction',
      text: `src/${folder} is no room of the house: add it to the list in DESIGN's order`,
    }
}

/** For each tree: what is wrong with an import, or null. */
const IN = {
  src(file, link, tree) {
    const from = folderOf(file.path)
    if (link.package === tree.manifest.name)
      return OMNISCIENT.includes(from) ? null : 'src names its own files, not the door that is made of them'
    if (link.file === null) return null
    if (!link.file.startsWith('src/')) return 'src imports only src'
    const to = folderOf(link.file)
    if (from === null) return null // src/index.ts: what it reaches has a rule of its own
    if (to === null) return OMNISCIENT.includes(from) ? null : `${from} must not import the door that stands on it`
    return mayImport(from, to) ? null : `${from} must not import ${to}`
  },
  actors(_file, link, tree) {
    if (link.file !== null && !link.file.startsWith('actors/'))
      return 'actors import only actors, the package and npm packages'
    return doorText(link, tree)
  },
  supervisors(_file, link, tree) {
    if (link.file !== null && !/^(actors|supervisors)\//.test(link.file))
      return 'supervisors import only supervisors, actors and the package'
    return doorText(link, tree)
  },
}

/** A subpath of the package that is no public door. */
function doorText(link, { manifest }) {
  if (link.package !== manifest.name) return null
  const door = `.${link.target.slice(manifest.name.length)}`
  return manifest.exports[door] === undefined ? `"${door}" is not among the exports of package.json` : null
}

function packageText(file, link, { manifest }) {
  const name = link.package
  if (name === manifest.name) return null
  const home = HOME_OF[name]
  if (home !== undefined && !file.path.startsWith(home)) return `${name} is named only under ${home}`
  const declared = { ...manifest.dependencies, ...manifest.peerDependencies, ...manifest.optionalDependencies }
  return declared[name] === undefined ? `${name} is no dependency that users install` : null
}

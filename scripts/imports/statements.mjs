// The imports of one file, found by their form. `import type` and `export type` vanish when the file is built; with
// verbatimModuleSyntax `import { type A }` does not: what is left of it is `import {}`, which loads the file.

import { lineOf } from './source-text.mjs'

const FORMS = [
  // import x, { y } from '…'   export { x } from '…'   export * from '…'
  /(?<![\w$.])(?:import|export)\b(?<type>\s+type\b(?!\s*(?:,|from\b)))?(?:(?!\b(?:import|export)\b)[\w$\s,{}*])*?\bfrom\s*(?<quote>['"])(?<target>[^'"\n]*)\k<quote>/g,
  // import '…'
  /(?<![\w$.])import\s*(?<quote>['"])(?<target>[^'"\n]*)\k<quote>/g,
  // import('…')   require('…')   import.meta.resolve('…')   type X = import('…').X
  /(?<![\w$.])(?<lazy>import|require|import\.meta\.resolve)\s*\(\s*(?<quote>['"`])(?<target>[^'"`\n]*)\k<quote>/g,
]

/**
 * @typedef {{ target: string, line: number, kind: 'value' | 'type' | 'lazy' }} Import
 * @param {{ source: string, code: string, bare: string }} text
 * @returns {Import[]} in the order of the file
 */
export function importsOf({ source, code, bare }) {
  const found = []
  for (const form of FORMS) {
    for (const match of code.matchAll(form)) {
      // What stands in a string or template is not code: there `bare` is blank where the keyword would be.
      if (bare[match.index] === ' ') continue
      const { type, lazy, target } = match.groups
      const kind = lazy !== undefined ? 'lazy' : type !== undefined ? 'type' : 'value'
      found.push({ target, line: lineOf(source, match.index), kind })
    }
  }
  return found.sort((a, b) => a.line - b.line)
}

// The programs that README and guide print, as files of a consumer.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** @returns {{ file: string, source: string, needsServer: boolean }[]} in the order of the pages */
export const printed = project =>
  ['README.md', 'docs/guide.md'].flatMap((page, at) => {
    const text = readFileSync(join(project, page), 'utf8')
    return [...text.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(([, source], index) => ({
      file: `${['readme', 'guide'][at]}-${index + 1}.ts`,
      source,
      needsServer: source.includes('REDIS_URL'),
    }))
  })

import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import type { TestContext } from 'vitest'

const folder = new URL('../../../shared/data/', import.meta.url)

/** The text of a file that lies beside the project and is not part of it; without it the test is skipped, loudly. */
export const sharedText = (name: string, test: TestContext): string => {
  const file = new URL(name, folder)
  if (!existsSync(file)) {
    console.warn(`SKIPPED "${test.task.name}": ${file.pathname} is not there`)
    test.skip()
  }
  const bytes = readFileSync(file)
  return (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8')
}

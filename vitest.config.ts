import { defineConfig } from 'vitest/config'

export default defineConfig({
  // The sources themselves are tested, through the same door that users take (`import … from 'troupe'`).
  resolve: { conditions: ['troupe-source'] },
  ssr: { resolve: { conditions: ['troupe-source'] } },
  test: {
    include: ['test/**/*.test.ts'],
    // Generous: a machine that is shared may be several times slower for a while.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // Its default leaves one core idle on a machine of two: most of these tests wait for a disk or a server.
    maxWorkers: 2,
  },
})

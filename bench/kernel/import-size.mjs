// How much code an import is, as a function's cold start would load it: bundled, minified, gzipped.

import { isBuiltin } from 'node:module'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

/**
 * @param {string} specifier
 * @param {{ packages: 'bundle' | 'external', names?: string[] }} options   `external`: other packages are only counted;
 *   `names`: what is imported, without which nothing needs the rest; default: everything
 * @returns {Promise<{ value: number, checksum: number }>}   units: bytes; the checksum counts packages left out
 */
export async function importBytes(specifier, { packages, names = null }) {
  const path = fileURLToPath(import.meta.resolve(specifier))
  const entry =
    names === null
      ? { entryPoints: [path] }
      : {
          stdin: {
            contents: `export { ${names.join(', ')} } from ${JSON.stringify(path)}`,
            resolveDir: import.meta.dirname,
          },
        }
  const { outputFiles, metafile } = await build({
    ...entry,
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    packages,
    metafile: true,
    write: false,
    logLevel: 'error',
  })
  const [output] = Object.values(metafile.outputs)
  const leftOut = output.imports.filter(({ path }) => !isBuiltin(path)).length
  return { value: gzipSync(outputFiles[0].contents, { level: 9 }).length, checksum: leftOut }
}

/** The main job as users run it: the built JavaScript of this checkout, made into a folder of its own. */

import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { newFolder } from './stores.ts'

const PROJECT = new URL('../../../', import.meta.url).pathname

export interface BuiltPackage {
  /** The main job's JavaScript. */
  readonly main: string
  remove(): void
}

/** `import 'troupe'` of what is built there leads to what is built there, as in an installed package. */
export const buildPackage = (): BuiltPackage => {
  const folder = newFolder('built')
  cpSync(join(PROJECT, 'package.json'), join(folder, 'package.json'))
  mkdirSync(join(folder, 'actors'))
  cpSync(join(PROJECT, 'actors/samples'), join(folder, 'actors/samples'), { recursive: true })
  symlinkSync(join(PROJECT, 'node_modules'), join(folder, 'node_modules'))
  const tsc = join(PROJECT, 'node_modules/typescript/bin/tsc')
  // Types have a check of their own.
  const args = [tsc, '-p', join(PROJECT, 'tsconfig.build.json'), '--noCheck', '--outDir', join(folder, 'dist')]
  const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`the build failed: ${stdout}`)
  return {
    main: join(folder, 'dist/supervisors/main/main.js'),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}

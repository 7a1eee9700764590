// The files that are checked, read once, with their imports resolved to files of the tree or to packages.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, join, posix, relative, sep } from 'node:path'
import { blank } from './source-text.mjs'
import { importsOf } from './statements.mjs'

const CHECKED = ['src', 'actors', 'supervisors']

/**
 * @typedef {{ line: number, target: string, kind: 'value' | 'type' | 'lazy', file: string | null, package: string | null }} Link
 *   `file`: path from the root, whether or not it exists; `package`: name of an npm package; both null: part of Node
 * @typedef {{ path: string, source: string, code: string, bare: string, links: Link[] }} SourceFile
 * @param {string} root
 * @returns {{ files: Map<string, SourceFile>, manifest: Record<string, any> }}
 */
export function readTree(root) {
  const files = new Map()
  for (const path of CHECKED.flatMap(folder => sourcesIn(root, folder))) {
    const source = readFileSync(join(root, path), 'utf8')
    const text = { source, ...blank(source) }
    files.set(path, {
      path,
      ...text,
      links: importsOf(text).map(found => ({ ...found, ...resolve(path, found.target) })),
    })
  }
  return { files, manifest: JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) }
}

const sourcesIn = (root, folder) =>
  existsSync(join(root, folder))
    ? readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
        .filter(entry => entry.isFile() && /\.[cm]?[jt]sx?$/.test(entry.name))
        .map(entry => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
        .sort()
    : []

function resolve(from, target) {
  if (target.startsWith('.')) return { file: posix.normalize(posix.join(dirname(from), target)), package: null }
  if (isBuiltin(target)) return { file: null, package: null }
  const parts = target.split('/')
  return { file: null, package: target.startsWith('@') ? parts.slice(0, 2).join('/') : parts[0] }
}

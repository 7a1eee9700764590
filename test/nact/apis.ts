import { createRequire } from 'node:module'
import * as troupe from '../../src/nact/lib/index.ts'

// biome-ignore lint/suspicious/noExplicitAny: programs for nact say nothing of their types.
export type Any = any

/** The functions of nact as a program in JavaScript has them: without types, and with a sender for dispatch. */
export interface Api {
  start(...extensions: Any[]): Any
  spawn(parent: Any, f: Any, name?: Any, properties?: Any): Any
  spawnStateless(parent: Any, f: Any, name?: Any, properties?: Any): Any
  spawnPersistent(parent: Any, f: Any, key: Any, name?: Any, properties?: Any): Any
  persistentQuery(parent: Any, f: Any, key: Any, properties?: Any): () => Promise<Any>
  dispatch(actor: Any, message?: Any, sender?: Any): void
  query(actor: Any, message: Any, timeout?: Any): Promise<Any>
  stop(actor: Any): void
  configurePersistence(engine: Any): Any
  configureLogging(engine: Any): Any
  logToConsole(properties?: Any): Any
  logNothing(): Any
  Nobody: new () => Any
  readonly [unit: string]: Any
}

const require = createRequire(import.meta.url)

/** nact 7.6.2 itself; what its declarations have and its index does not is in its lib. */
export const nact: Api = { ...require('nact'), configureLogging: require('nact/lib/monitoring').configureLogging }
export const here = troupe as unknown as Api

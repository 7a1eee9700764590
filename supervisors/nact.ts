import { hostOnNact } from 'troupe/nact'
import type { EntityHost } from './parts.ts'

/**
 * The domain's actors as persistent actors of nact, which is loaded only here. **Errors**: what `import` says where the
 * package `nact` is not installed.
 */
export const nactHost = async (): Promise<EntityHost> => {
  const nact = await import('nact')
  return (definition, store, options) => hostOnNact(nact, definition, store, options)
}

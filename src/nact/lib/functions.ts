import { noteHandedOn } from '../actor/query.ts'
import { type AnyReference, Nobody, targetOf } from './references.ts'
import type { NactSystem } from './system.ts'
import { applyOrThrowIfStopped, find, locate } from './system-map.ts'

/** Whatever may live under a reference: an actor, a query, a system. */
interface Living {
  readonly stop?: () => void
  readonly dispatch?: (message: unknown, sender?: unknown) => void
  readonly query?: (message: unknown, timeoutMs: number) => Promise<unknown>
}

export const stop = (actor: unknown): void => {
  living(actor)?.stop?.()
}

/** What nobody is there to take is a dead letter. */
export const dispatch = (actor: unknown, message?: unknown, sender?: unknown): void => {
  const target = living(actor)
  noteHandedOn(message, sender)
  if (target?.dispatch !== undefined) target.dispatch(message, sender)
  else bury(actor as AnyReference, message)
}

/** **Errors**: Error, thrown, without a time limit; rejected when nobody is there, `Query Timeout`, and those of Query. */
export const query = (actor: unknown, message: unknown, timeoutMs: number): Promise<unknown> => {
  if (!timeoutMs) throw new Error('A timeout is required to be specified')
  const target = living(actor)
  if (target?.query === undefined)
    return Promise.reject(new Error('Actor stopped or never existed. Query can never resolve'))
  return target.query(message, timeoutMs)
}

/** **Errors**: Error where nothing lives under the reference. */
export const applyTo = <Concrete, Result>(reference: unknown, use: (concrete: Concrete) => Result): Result =>
  applyOrThrowIfStopped(reference as AnyReference, use)

const living = (reference: unknown): Living | undefined =>
  (targetOf(reference) ?? locate(reference as AnyReference)) as Living | undefined

const bury = (reference: AnyReference, message: unknown): void => {
  if (reference instanceof Nobody) return
  const system = find(reference.system.name) as NactSystem | undefined
  const parts = reference.path?.parts?.join('/') ?? 'query'
  system?.kernel?.deadLetters.add(
    message,
    `/${system.name}/${parts}`,
    reference.type === 'temp' ? 'late-reply' : 'stopped',
  )
}

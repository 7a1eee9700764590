const nativeThen: unknown = Promise.prototype.then

/**
 * The promise that is to be waited for; null: `value` is none, and `await` would not wait for it either. What only acts
 * like a promise gets one of its own, which settles once, whatever `then` does: one that throws, or cannot even be read,
 * is a rejection. Costs one look at a property, since every new state of an actor passes here.
 */
export const promiseIn = (value: unknown): Promise<unknown> | null => {
  if (typeof value !== 'object' || value === null) return null
  let then: unknown
  try {
    ;({ then } = value as { readonly then?: unknown })
  } catch (error) {
    return Promise.reject(error)
  }
  if (typeof then !== 'function') return null
  return then === nativeThen && value instanceof Promise ? value : new Promise(resolve => resolve(value))
}

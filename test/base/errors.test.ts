import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { AssertionError, assert, unreachable } from '../../src/base/assert.ts'
import { causesOf, explain, isRuntimeError, RuntimeError, toError } from '../../src/base/errors.ts'

describe('RuntimeError', () => {
  test('carries a stable code, a text, whether to retry, and its cause', () => {
    const cause = new Error('disk')
    const error = new RuntimeError('JOURNAL_UNAVAILABLE', 'cannot write', { cause, retryable: true })
    expect(error).toMatchObject({
      name: 'RuntimeError',
      code: 'JOURNAL_UNAVAILABLE',
      message: 'cannot write',
      retryable: true,
    })
    expect(error.cause).toBe(cause)
  })

  test('is not retryable unless said, and has no cause unless given', () => {
    const error = new RuntimeError('ACTOR_STOPPED', 'gone')
    expect(error.retryable).toBe(false)
    expect('cause' in error).toBe(false)
  })

  test('is recognised by class and by code', () => {
    const error = new RuntimeError('ACTOR_STOPPED', 'gone')
    expect(isRuntimeError(error)).toBe(true)
    expect(isRuntimeError(error, 'ACTOR_STOPPED')).toBe(true)
    expect(isRuntimeError(error, 'MAILBOX_FULL')).toBe(false)
    expect(isRuntimeError(new Error('x'))).toBe(false)
    expect(isRuntimeError({ code: 'ACTOR_STOPPED' })).toBe(false)
  })
})

describe('toError', () => {
  test('leaves an error as it is', () => {
    const error = new TypeError('x')
    expect(toError(error)).toBe(error)
  })

  test('makes an error of whatever was thrown, with the value as its cause', () => {
    const unprintable = Object.create(null) as object
    for (const thrown of [undefined, null, 0, 'text', Symbol('s'), { a: 1 }, unprintable]) {
      const error = toError(thrown)
      expect(error).toBeInstanceOf(Error)
      expect(error.cause).toBe(thrown)
    }
    expect(toError('text').message).toContain('text')
  })
})

/** What throws when it is looked at, each in a way of its own. */
const hostile = (): Record<string, unknown> => {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  const refuse = (): never => {
    throw new Error('hands off')
  }
  return {
    'a revoked proxy': proxy,
    'an error whose message throws': Object.defineProperty(new Error(), 'message', { get: refuse }),
    'an error whose cause throws': Object.defineProperty(new Error('x'), 'cause', { get: refuse }),
    'an error whose name throws': Object.defineProperty(new Error('x'), 'name', { get: refuse }),
    'an error whose message is a symbol': Object.assign(new Error(), { message: Symbol('m') }),
    'what neither has a text nor a tag': {
      toString: refuse,
      get [Symbol.toStringTag]() {
        return refuse()
      },
    },
  }
}

describe.each(Object.keys(hostile()))('thrown by a user: %s', what => {
  test('makes an error that can be read and explained', () => {
    const thrown = hostile()[what]
    const error = toError(thrown)
    expect(error.message).toContain('thrown value that is no Error')
    expect(error.cause === thrown).toBe(true)
    expect(toError(error)).toBe(error)
    expect(explain(error)).toBe(error.message)
    expect(explain(new Error('outer', { cause: thrown }))).toBe('outer')
  })

  test('is explained where it comes as it is', () => {
    expect(explain(hostile()[what] as Error)).toContain('thrown value that is no Error')
  })
})

test('an error of another realm is one', () => {
  const foreign = runInNewContext('new TypeError("from elsewhere")') as Error
  expect(foreign).not.toBeInstanceOf(Error)
  expect(toError(foreign)).toBe(foreign)
  expect(explain(new Error('here', { cause: foreign }))).toBe('here\n  caused by TypeError: from elsewhere')
})

describe('assertions', () => {
  test('throw an AssertionError where they do not hold, and nothing where they do', () => {
    expect(() => assert(true, 'fine')).not.toThrow()
    expect(() => assert(0, 'zero is not fine')).toThrow(new AssertionError('zero is not fine'))
  })

  test('name the value that should have been impossible', () => {
    expect(() => unreachable('blue' as never, 'colour')).toThrow('colour: unexpected "blue"')
  })
})

test('an error is explained with what led to it, one cause a line', () => {
  const root = new TypeError('no tariff')
  const error = new RuntimeError('SUPERVISION_ESCALATED', 'risk escalates', {
    cause: new RuntimeError('ACTOR_CRASHED', 'region crashed', { cause: root }),
  })
  expect(causesOf(error).at(-1)).toBe(root)
  expect(explain(error)).toBe(
    'risk escalates\n  caused by ACTOR_CRASHED: region crashed\n  caused by TypeError: no tariff',
  )
  expect(explain(root)).toBe('no tariff')
})

test('causes that go round in a circle, or are no errors, end the chain', () => {
  const inner = new Error('inner')
  const outer = new Error('outer', { cause: inner })
  inner.cause = outer
  expect(causesOf(outer)).toEqual([outer, inner])
  expect(explain(outer)).toBe('outer\n  caused by Error: inner')
  expect(causesOf(new Error('alone', { cause: 'a text' }))).toHaveLength(1)
})

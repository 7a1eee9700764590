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

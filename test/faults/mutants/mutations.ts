/**
 * All small changes to a source that a test should notice: where each is, and what stands there instead. A source is
 * parsed to know what is an expression and what is a type; the change itself is one of its text.
 *
 * Left out is what cannot matter, or what no test should hold fast: types, imports, the texts of errors and log lines, and
 * assertions of what must not happen (`assert`, `unreachable`).
 */

import { parseAst } from 'vitest/node'

export interface Mutation {
  readonly operator: string
  /** From `start` up to `end` of the source there is `replacement` instead. */
  readonly start: number
  readonly end: number
  readonly replacement: string
}

/** A node of the syntax tree: its type, its place, and whatever its type brings along. */
interface Node {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [key: string]: unknown
}

/** What another operator in its place makes of an expression. */
const OTHER_OPERATORS: Readonly<Record<string, readonly string[]>> = {
  '<': ['<=', '>='],
  '<=': ['<', '>'],
  '>': ['>=', '<='],
  '>=': ['>', '<'],
  '===': ['!=='],
  '!==': ['==='],
  '+': ['-'],
  '-': ['+'],
  '*': ['/'],
  '/': ['*'],
  '&': ['|'],
  '>>>': ['<<'],
  '&&': ['||'],
  '||': ['&&'],
  '++': ['--'],
  '--': ['++'],
  '+=': ['-='],
  '-=': ['+='],
  '??=': ['='],
}

const OTHER_METHODS: Readonly<Record<string, string>> = {
  max: 'min',
  min: 'max',
  some: 'every',
  every: 'some',
  push: 'unshift',
  unshift: 'push',
  toReversed: 'slice',
}

const CHECKS_OF_OURSELVES = ['assert', 'unreachable']

/** Every mutation of `source` whose outcome is a program, in the order of their places. */
export const mutationsOf = (source: string): readonly Mutation[] => {
  const found: Mutation[] = []
  visit(parse(source), null, source, found)
  return found
    .filter(mutation => isProgram(mutated(source, mutation)))
    .sort((one, other) => one.start - other.start || one.end - other.end)
}

export const mutated = (source: string, { start, end, replacement }: Mutation): string =>
  source.slice(0, start) + replacement + source.slice(end)

const parse = (source: string): Node => parseAst(source, { lang: 'ts' }) as unknown as Node

const isProgram = (source: string): boolean => {
  try {
    parse(source)
    return true
  } catch {
    // What does not parse is no mutant: it is not drawn.
    return false
  }
}

const visit = (node: Node, parent: Node | null, source: string, found: Mutation[]): void => {
  if (isLeftOut(node)) return
  for (const { operator, start, end, replacement } of changesOf(node, parent, source))
    found.push({ operator, start, end, replacement })
  for (const child of childrenOf(node)) visit(child, node, source, found)
}

const isLeftOut = (node: Node): boolean => {
  if (node.type === 'ImportDeclaration' || node.type === 'TemplateLiteral') return true
  if (node.type === 'CallExpression') return CHECKS_OF_OURSELVES.includes(nameOf(node.callee as Node))
  // `x as T` and `x!` are expressions with a type beside them; all others of this family are types.
  return node.type.startsWith('TS') && !('expression' in node)
}

const TYPE_KEYS = [
  'typeAnnotation',
  'typeArguments',
  'typeParameters',
  'returnType',
  'superTypeArguments',
  'implements',
]

const childrenOf = (node: Node): Node[] =>
  Object.entries(node)
    .filter(([key]) => !TYPE_KEYS.includes(key))
    .flatMap(([, value]) => (Array.isArray(value) ? value : [value]))
    .filter(isNode)

const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && 'type' in value

const nameOf = (node: Node): string => (node.type === 'Identifier' ? (node.name as string) : '')

const changesOf = (node: Node, parent: Node | null, source: string): Mutation[] => {
  switch (node.type) {
    case 'BinaryExpression':
      return isSumOfText(node) ? [] : otherOperators(node, source)
    case 'LogicalExpression':
      return node.operator === '??' ? withoutDefault(node, source) : otherOperators(node, source)
    case 'AssignmentExpression':
      return otherOperators(node, source)
    case 'UpdateExpression':
      return otherUpdate(node, source)
    case 'UnaryExpression':
      return node.operator === '!' || node.operator === '-'
        ? [replace(node, `${node.operator} dropped`, textOf(node.argument as Node, source))]
        : []
    case 'IfStatement':
    case 'ConditionalExpression':
      return otherCondition(node.test as Node, ['true', 'false'], source)
    case 'WhileStatement':
    case 'ForStatement':
      return node.test === null ? [] : otherCondition(node.test as Node, ['false'], source)
    case 'ExpressionStatement':
      return withoutStatement(node)
    case 'ThrowStatement':
      return [replace(node, 'throw removed', ';')]
    case 'BreakStatement':
      return parent?.type === 'SwitchCase' ? [] : [replace(node, 'break removed', ';')]
    case 'ContinueStatement':
      return [replace(node, 'continue removed', ';')]
    case 'ReturnStatement':
      return otherReturn(node, parent)
    case 'ArrowFunctionExpression':
      return otherAnswer(node)
    case 'Literal':
      return otherLiteral(node)
    case 'ArrayExpression':
      return (node.elements as Node[]).length === 0 ? [] : [replace(node, 'array emptied', '[]')]
    case 'MemberExpression':
    case 'CallExpression':
      return [...withoutOptional(node, source), ...otherMethod(node)]
    default:
      return []
  }
}

const replace = ({ start, end }: Node, operator: string, replacement: string): Mutation => ({
  operator,
  start,
  end,
  replacement,
})

const textOf = ({ start, end }: Node, source: string): string => source.slice(start, end)

const isText = (node: Node): boolean =>
  node.type === 'TemplateLiteral' || (node.type === 'Literal' && typeof node.value === 'string')

/** Texts may be compared, but not calculated with. */
const isSumOfText = ({ operator, left, right }: Node): boolean =>
  operator === '+' && (isText(left as Node) || isText(right as Node))

const otherOperators = (node: Node, source: string): Mutation[] => {
  const own = node.operator as string
  const left = node.left as Node
  const start = source.indexOf(own, left.end)
  return (OTHER_OPERATORS[own] ?? []).map(other => ({
    operator: `${own} to ${other}`,
    start,
    end: start + own.length,
    replacement: other,
  }))
}

const otherUpdate = (node: Node, source: string): Mutation[] => {
  const own = node.operator as string
  const start = node.prefix === true ? node.start : node.end - own.length
  const other = OTHER_OPERATORS[own]?.[0] as string
  return [{ operator: `${source.slice(start, start + 2)} to ${other}`, start, end: start + 2, replacement: other }]
}

const withoutDefault = (node: Node, source: string): Mutation[] => [
  replace(node, '?? without its right side', textOf(node.left as Node, source)),
  replace(node, '?? without its left side', textOf(node.right as Node, source)),
]

/** A comparison is negated by another operator already. */
const otherCondition = (test: Node, constants: readonly string[], source: string): Mutation[] => {
  const constant = constants.map(value => replace(test, `condition ${value}`, value))
  return test.type === 'BinaryExpression' || test.type === 'UnaryExpression'
    ? constant
    : [...constant, replace(test, 'condition negated', `!(${textOf(test, source)})`)]
}

const withoutStatement = (node: Node): Mutation[] => {
  const expression = node.expression as Node
  const callee = expression.type === 'CallExpression' ? (expression.callee as Node) : null
  const isNeeded = callee !== null && (callee.type === 'Super' || isLeftOut(expression))
  return isNeeded ? [] : [replace(node, 'statement removed', ';')]
}

/** An early return falls through; another one answers nothing. */
const otherReturn = (node: Node, parent: Node | null): Mutation[] => {
  const isEarly = parent?.type === 'IfStatement' || node.argument === null
  const removed = isEarly ? [replace(node, 'early return removed', ';')] : []
  const argument = node.argument as Node | null
  return argument === null || isBarren(argument)
    ? removed
    : [...removed, replace(argument, 'returns undefined', 'undefined')]
}

const otherAnswer = (node: Node): Mutation[] => {
  const body = node.body as Node
  if (body.type === 'BlockStatement' || isBarren(body)) return []
  return [replace(node.body as Node, 'answers undefined', '(undefined)')]
}

/** Constants have changes of their own, and to answer `undefined` for `null` is one of types. */
const isBarren = (node: Node): boolean => node.type === 'Literal' || nameOf(node) === 'undefined'

const otherLiteral = (node: Node): Mutation[] => {
  const { value } = node
  if (typeof value === 'boolean') return [replace(node, `${value} to ${!value}`, `${!value}`)]
  if (typeof value !== 'number') return []
  const others = value === 0 ? [1] : [value + 1, 0]
  return others.map(other => replace(node, `${value} to ${other}`, `${other}`))
}

const withoutOptional = (node: Node, source: string): Mutation[] => {
  if (node.optional !== true) return []
  const before = (node.object ?? node.callee) as Node
  const start = source.indexOf('?.', before.end)
  const replacement = '[('.includes(source.charAt(start + 2)) ? '' : '.'
  return [{ operator: '?. without its question', start, end: start + 2, replacement }]
}

const otherMethod = (node: Node): Mutation[] => {
  const callee = node.callee as Node | undefined
  if (callee?.type !== 'MemberExpression' || callee.computed === true) return []
  const property = callee.property as Node
  const other = Object.hasOwn(OTHER_METHODS, nameOf(property)) ? OTHER_METHODS[nameOf(property)] : undefined
  return other === undefined ? [] : [replace(property, `${nameOf(property)} to ${other}`, other)]
}

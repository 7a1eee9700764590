import { optionsProblem } from '../base/bounds.ts'
import { RuntimeError, shown } from '../base/errors.ts'

/** CHILD_SPEC_INVALID, with what a program may want to know about it. */
export class SpecificationError extends RuntimeError {
  readonly field: string
  /** The child that is wrong; null: the supervisor itself. */
  readonly childId: string | null
  /** One value is wrong; another child has this id; two fields do not go together. */
  readonly problem: 'value' | 'duplicate' | 'combination'

  constructor(childId: string | null, field: string, problem: SpecificationError['problem'], text: string) {
    const whose = childId === null ? 'supervisor specification' : `child specification ${JSON.stringify(childId)}`
    super('CHILD_SPEC_INVALID', `${whose}: ${field} ${text}`)
    this.field = field
    this.childId = childId
    this.problem = problem
  }
}

/** **Errors**: SpecificationError for a field that is none. */
export const checkFields = (childId: string | null, what: string, fields: object, known: readonly string[]): void => {
  const problem = optionsProblem(fields, known)
  if (problem !== null) throw new SpecificationError(childId, what, 'value', problem)
}

/** A value as it stands in the text. */
export const show = (value: unknown): string => (typeof value === 'string' ? `'${value}'` : shown(value))

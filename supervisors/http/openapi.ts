import { toJsonSchema } from '@valibot/to-json-schema'
import type { GenericSchema } from 'valibot'
import { jsonSchemaOf } from '../../actors/index.ts'
import { PROBLEM_TYPE } from './problem.ts'
import type { Route } from './route.ts'
import { problemAnswer } from './schemas.ts'

/** The document (OpenAPI 3.1) that describes these routes, from the schemas that check them. */
export const openApiOf = (routes: readonly Route[]): object => {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const route of routes) {
    paths[route.path] ??= {}
    paths[route.path]![route.method.toLowerCase()] = operationOf(route)
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Insurance marketplace', version: '1.0.0' },
    paths,
    components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
  }
}

const operationOf = ({ method, path, scope, summary, params, query, body, answers }: Route): object => ({
  summary,
  operationId: `${method.toLowerCase()}${path.replace(/[{}]/g, '').replace(/[/.-]+(\w?)/g, (_, next) => next.toUpperCase())}`,
  ...(scope !== null && { security: [{ bearer: [scope] }] }),
  parameters: [...parametersOf(params, 'path'), ...parametersOf(query, 'query')],
  ...(body !== null && {
    requestBody: { required: true, content: { 'application/json': { schema: schemaOf(body, 'input') } } },
  }),
  responses: {
    [answers.status]: {
      description: answers.description,
      content: { 'application/json': { schema: schemaOf(answers.schema, 'output') } },
    },
    default: { description: 'A problem', content: { [PROBLEM_TYPE]: { schema: schemaOf(problemAnswer, 'output') } } },
  },
})

interface ObjectSchema {
  readonly properties?: Readonly<Record<string, object>>
  readonly required?: readonly string[]
}

const parametersOf = (schema: GenericSchema | null, where: 'path' | 'query'): readonly object[] => {
  if (schema === null) return []
  const { properties = {}, required = [] } = schemaOf(schema, 'input') as ObjectSchema
  return Object.entries(properties).map(([name, of]) => ({
    name,
    in: where,
    required: required.includes(name),
    schema: of,
  }))
}

const schemaOf = (schema: GenericSchema, typeMode: 'input' | 'output'): object => {
  const { $schema, ...rest } = toJsonSchema(schema as never, {
    target: 'draft-2020-12',
    typeMode,
    overrideSchema: ({ valibotSchema }) => jsonSchemaOf(valibotSchema) as never,
  }) as Record<string, unknown>
  return rest
}

import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { expect } from 'vitest'
import { openApi } from '../../src/api/openapi/document.ts'
import { jsonOf } from './scene.ts'

export const document = openApi({ url: 'https://holdpoint.example.com', version: '1.2.3' })

/** What clients must put up with, they may: here a member that nobody documented is a fault. */
function strict(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(strict)
  if (typeof schema !== 'object' || schema === null) return schema
  const copy = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, strict(value)]))
  return 'properties' in copy && copy.type === 'object' ? { additionalProperties: false, ...copy } : copy
}

/** Of a schema of the document. */
export function validatorOf(name: string): ValidateFunction {
  const ajv = new Ajv2020({ strict: false, allErrors: true, formats: { uri: true, 'date-time': true } })
  const { TimelineEntry, ...schemas } = document.components.schemas
  ajv.addSchema({
    $id: 'https://x/',
    // Its people are two schemas at once, neither of which knows the other's members.
    components: {
      schemas: { ...(strict(schemas) as object), TimelineEntry, NamedPrincipal: schemas.NamedPrincipal },
    },
  })
  return ajv.compile({ $ref: `https://x/#/components/schemas/${name}` })
}

/** The answer is as documented, and the schema would have noticed if it were not. */
export async function expectDocumented(name: string, response: Response | Promise<Response>): Promise<void> {
  const value = await jsonOf<Record<string, unknown>>(response)
  const validate = validatorOf(name)
  validate(value)
  expect([name, validate.errors ?? []]).toEqual([name, []])
  expect([name, validate({ ...value, unheardOf: 1 })]).toEqual([name, false])
  const { required } = document.components.schemas[name] as { required: string[] }
  for (const member of required) {
    const { [member]: _, ...rest } = value
    expect([name, member, validate(rest)]).toEqual([name, member, false])
  }
}

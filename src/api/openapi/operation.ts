import { type ErrorCode, HTTP_STATUS } from '#contract'
import { ref, type Schema } from './schema.ts'

export interface Operation {
  operationId: string
  summary: string
  [member: string]: unknown
}

/** `bearer` for a person's token; public ones say so by an empty list. */
export const PUBLIC = { security: [] } as const

export const json = (
  schema: string,
  description: string,
  rest: Schema = {},
  type = 'application/json',
): Schema => ({
  description,
  content: { [type]: { schema: ref(schema), ...rest } },
})

/** The problems of a call by status, from their codes: what a client should be ready for. */
export function problems(...codes: ErrorCode[]): Record<string, Schema> {
  const byStatus = Object.groupBy(codes, (code) => HTTP_STATUS[code])
  const named = Object.entries(byStatus).map(([status, them = []]) => {
    const description = them.map((code) => `\`${code}\``).join(', ')
    return [status, { ...problem(description), ...headersOf(status) }]
  })
  return { ...Object.fromEntries(named), default: problem('Any other problem: its `code` says which.') }
}

const problem = (description: string): Schema => ({
  description,
  content: { 'application/problem+json': { schema: ref('Problem') } },
})

const headersOf = (status: string): Schema => {
  if (status === '401')
    return { headers: { 'WWW-Authenticate': { description: 'RFC 6750.', schema: { type: 'string' } } } }
  if (status === '429' || status === '503')
    return { headers: { 'Retry-After': { description: 'Seconds.', schema: { type: 'integer' } } } }
  return {}
}

/** Every call with a token can end so. */
export const WITH_TOKEN = ['INVALID_INPUT', 'UNAUTHENTICATED', 'BROKER_UNAVAILABLE', 'UNAVAILABLE'] as const

export const refusedBody = { '415': problem('`INVALID_INPUT`: the body is not `application/json`.') }

export const requestIdParameter = {
  name: 'id',
  in: 'path',
  required: true,
  description: 'The request’s id.',
  schema: { type: 'string', minLength: 1, maxLength: 200 },
  example: '1-q5x7k2',
} as const

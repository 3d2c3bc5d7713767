import { ERROR_CODES, type ProblemDetails } from '#contract'
import { oneOf, ref, type Schema, schemaOf, string } from '../schema.ts'

export const problemSchemas: Readonly<Record<string, Schema>> = {
  ErrorCode: oneOf(Object.keys(ERROR_CODES), {
    description: `Stable; branch on it.\n\n${Object.entries(ERROR_CODES)
      .map(([code, text]) => `- \`${code}\`: ${text}`)
      .join('\n')}`,
  }),
  Problem: schemaOf<ProblemDetails>('RFC 9457.')({
    type: string({ format: 'uri' }),
    title: string(),
    status: { type: 'integer', minimum: 400, maximum: 599 },
    detail: string(),
    code: ref('ErrorCode'),
  }),
}

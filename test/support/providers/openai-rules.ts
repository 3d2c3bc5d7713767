import { Refused } from './http.ts'

interface Where {
  status?: number
  param?: string
  code?: string
}

export const openaiRefusal = (message: string, { status = 400, param, code }: Where = {}): Refused =>
  new Refused(status, {
    error: {
      message,
      type: status === 500 ? 'server_error' : 'invalid_request_error',
      param: param ?? null,
      code: code ?? null,
    },
  })

/** Refuses members that the provider does not know, with the place, as it does. */
export function checkMembers(value: object, known: readonly string[], place: string): void {
  const extra = Object.keys(value).find((name) => !known.includes(name))
  if (extra === undefined) return
  const param = place === '' ? extra : `${place}.${extra}`
  throw openaiRefusal(`Unknown parameter: '${param}'.`, { param, code: 'unknown_parameter' })
}

export function required(body: Record<string, unknown>, name: string): unknown {
  if (body[name] === undefined)
    throw openaiRefusal(`Missing required parameter: '${name}'.`, {
      param: name,
      code: 'missing_required_parameter',
    })
  return body[name]
}

import { HoldpointError, isErrorCode } from '#contract'

/** One person's calls of the REST API. Throws what the API refuses with its code. */
export interface Rest {
  get<Reply>(path: string): Promise<Reply>
  post<Reply>(path: string, body: object): Promise<Reply>
}

export function createRest(url: string, token: string): Rest {
  const call = async <Reply>(path: string, init: RequestInit): Promise<Reply> => {
    const authorization = `Bearer ${token}`
    const headers = { authorization, 'content-type': 'application/json' }
    const response = await fetch(`${url}${path}`, { ...init, headers })
    const body = (await response.json()) as Reply & { code?: unknown; detail?: string }
    if (response.ok) return body
    throw new HoldpointError(isErrorCode(body.code) ? body.code : 'INTERNAL', body.detail)
  }
  return {
    get: (path) => call(path, {}),
    post: (path, body) => call(path, { method: 'POST', body: JSON.stringify(body) }),
  }
}

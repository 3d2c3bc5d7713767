import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { developmentIssuerAt, signInAs } from '#identity'
import type { Running } from '#runtime'

/** Bob waits for a request, reads its card and releases it, by REST. */
export async function releaseAsBob(dataDir: string, { http, identity }: Running): Promise<void> {
  const passphrase = readFileSync(join(dataDir, 'people/passphrase'), 'utf8').trim()
  const { discoveryUrl = '' } = developmentIssuerAt(identity?.url ?? '')
  const { idToken } = await signInAs(discoveryUrl, { person: 'bob', passphrase })
  const rest = async (path: string, init: RequestInit = {}) => {
    const headers = { Authorization: `Bearer ${idToken}`, 'Content-Type': 'application/json' }
    const response = await fetch(`${http?.url}/v1/requests${path}`, { ...init, headers })
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    return (await response.json()) as { requests: { requestId: string }[]; renderHash: string }
  }
  for (let look = 0; look < 300; look++) {
    const [request] = (await rest('?state=pending')).requests
    if (request === undefined) {
      await pause(50)
      continue
    }
    const { renderHash } = await rest(`/${request.requestId}`)
    const body = JSON.stringify({ verdict: 'approve', reason: 'ticket 1', renderHash })
    await rest(`/${request.requestId}/reviews`, { method: 'POST', body })
    return
  }
  throw new Error('no request came')
}

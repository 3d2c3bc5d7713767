import { HoldpointError, visibleLine } from '#contract'
import { createClient, loadOpenid, refusalOf, tokensOf } from './client.ts'
import { secure } from './fetch.ts'
import { scopeOf } from './sign-in.ts'
import type { SignInIssuer, Tokens } from './types.ts'

/** What somebody is told who is to sign in with a browser elsewhere. */
export interface DevicePrompt {
  url: string
  userCode: string
  /** With the code in it, where the issuer offers that. */
  completeUrl?: string
}

export interface DeviceDeps {
  now: () => number
  /** Rejects when the signal is aborted. */
  sleep: (ms: number, options: { signal: AbortSignal }) => Promise<unknown>
  signal: AbortSignal
  show(prompt: DevicePrompt): void
}

const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code'
const DEFAULT_INTERVAL_S = 5
const LONGEST_INTERVAL_S = 60
const LONGEST_WAIT_S = 1_800

/** Signs somebody in at a terminal (RFC 8628). Throws UNAUTHENTICATED when refused or too late, and UNAVAILABLE. */
export async function signInByDevice(
  issuer: SignInIssuer,
  { now, sleep, signal, show }: DeviceDeps,
): Promise<Tokens> {
  const openid = await loadOpenid()
  const open = createClient(issuer, { now })
  const client = await open()
  if (client.serverMetadata().device_authorization_endpoint === undefined)
    throw new HoldpointError(
      'UNAVAILABLE',
      `${issuer.issuer} offers no sign-in for terminals (device flow): set HOLDPOINT_TOKEN instead`,
    )
  const device = await openid
    .initiateDeviceAuthorization(client, { scope: scopeOf(issuer) })
    .catch((cause: unknown) => {
      throw refusalOf(cause)
    })
  show(promptOf(device))

  // The issuer's numbers are its word: neither a busy loop nor an endless one.
  let intervalS = clamp(device.interval ?? DEFAULT_INTERVAL_S, 1, LONGEST_INTERVAL_S)
  const untilMs = now() + clamp(device.expires_in, 1, LONGEST_WAIT_S) * 1000
  for (;;) {
    await sleep(intervalS * 1000, { signal }).catch((cause: unknown) => {
      throw new HoldpointError('UNAVAILABLE', 'stopped: nobody was signed in', { cause })
    })
    if (now() >= untilMs) throw new HoldpointError('UNAUTHENTICATED', 'the code has expired: begin again')
    const answer = await poll()
    if (typeof answer !== 'string') return answer
    if (answer === 'slower') intervalS = clamp(intervalS + 5, 1, LONGEST_INTERVAL_S)
  }

  async function poll(): Promise<Tokens | 'pending' | 'slower'> {
    try {
      return tokensOf(
        await openid.genericGrantRequest(client, DEVICE_GRANT, { device_code: device.device_code }),
      )
    } catch (cause) {
      const { error } = cause as { error?: string }
      if (error === 'authorization_pending') return 'pending'
      // An issuer that does not answer is asked less often, too (RFC 8628, 3.5).
      const refusal = refusalOf(cause)
      if (error === 'slow_down' || refusal.code === 'UNAVAILABLE') return 'slower'
      throw refusal
    }
  }
}

/** The issuer's text goes to a terminal: an address is one, and nothing in it is obeyed. */
function promptOf(device: {
  verification_uri: string
  verification_uri_complete?: string
  user_code: string
}): DevicePrompt {
  const { verification_uri_complete: complete } = device
  return {
    url: secure(device.verification_uri).href,
    userCode: visibleLine(device.user_code.slice(0, 100)),
    ...(complete === undefined ? {} : { completeUrl: secure(complete).href }),
  }
}

const clamp = (value: number, min: number, max: number): number => Math.min(Math.max(value, min), max)

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { HoldpointError, type WebhookEvent } from '#contract'
import type { Config } from '#runtime'
import { type AddressRules, createAddressRules } from '../address.ts'
import { isSecret } from './secret.ts'

/** Where nothing else is said. */
const USUAL_EVENTS: readonly WebhookEvent[] = ['opened', 'decided', 'ended']

/** Somebody's HTTP server that is told of requests, and may be trusted to answer. */
export interface WebhookEndpoint {
  name: string
  url: string
  /** `whsec_…` */
  secret: string
  events: readonly WebhookEvent[]
  /** Whether its signed answers are reviews. */
  answers: boolean
  rules: AddressRules
}

type Configured = Config['channels']['webhooks'][number]

/**
 * The endpoints of `channels.webhooks`; a `secretFile` is looked for from `baseDir`. Throws INVALID_CONFIG that
 * names the key and what was expected of it, and never a secret.
 */
export function readEndpoints({ channels }: Pick<Config, 'channels'>, baseDir: string): WebhookEndpoint[] {
  const names = new Map<string, number>()
  return channels.webhooks.map((configured, index) => {
    const key = `channels.webhooks.${index}`
    const first = names.get(configured.name)
    if (first !== undefined)
      throw invalid(`${key}.name`, `is ${configured.name}, as is that of channels.webhooks.${first}`)
    names.set(configured.name, index)
    return {
      name: configured.name,
      url: urlOf(configured, key),
      secret: secretOf(configured, key, baseDir),
      events: configured.events ?? USUAL_EVENTS,
      answers: configured.answers ?? false,
      rules: rulesOf(configured, key),
    }
  })
}

function urlOf({ url }: Configured, key: string): string {
  const { username, password } = new URL(url)
  // What is in a URL ends up in logs; and the signature is what proves who sends.
  if (username || password)
    throw invalid(`${key}.url`, 'has credentials in it, expected none: messages are signed')
  return url
}

function secretOf({ secret, secretFile }: Configured, key: string, baseDir: string): string {
  if ((secret === undefined) === (secretFile === undefined))
    throw invalid(
      key,
      secret === undefined
        ? 'has neither secret nor secretFile, expected one'
        : 'has both secret and secretFile',
    )
  const found = secret ?? readSecret(resolve(baseDir, secretFile ?? ''), key)
  if (isSecret(found)) return found
  throw invalid(
    `${key}.${secret === undefined ? 'secretFile' : 'secret'}`,
    'is not usable, expected whsec_ and 24 to 64 bytes in base64, as `holdpoint webhooks secret` prints',
  )
}

function readSecret(path: string, key: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new HoldpointError('INVALID_CONFIG', `${key}.secretFile: ${path} cannot be read: ${code}`, {
      cause,
    })
  }
}

function rulesOf({ allow }: Configured, key: string): AddressRules {
  try {
    return createAddressRules(allow)
  } catch (cause) {
    throw invalid(`${key}.allow`, `has ${(cause as Error).message}`)
  }
}

const invalid = (key: string, what: string): HoldpointError =>
  new HoldpointError('INVALID_CONFIG', `${key} ${what}`)

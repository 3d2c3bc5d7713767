/**
 * What a name says of its value. `strong`: whatever stands there is a secret (`password`, `api_key`); `weak`: it is one
 * where it also looks like one, because such names mean other things as well (`token`, `secret`, `authorization`).
 */
export type Strength = 'strong' | 'weak'

const STRONG = new Set([
  ...['password', 'passwords', 'passwd', 'pwd', 'passphrase', 'pgpassword', 'cvv', 'cvc'],
  ...['apikey', 'apikeys', 'secretkey', 'privatekey', 'clientsecret', 'authtoken', 'accesstoken'],
])
/** A `key` is a secret by the word before it: a primary key, a public key and a sort key are none. */
const SECRET_KEYS = new Set([
  ...['api', 'secret', 'private', 'signing', 'encryption', 'master', 'account', 'shared', 'auth', 'access'],
])
const WEAK = new Set([
  ...['secret', 'secrets', 'token', 'authorization', 'cookie', 'bearer', 'jwt', 'pass', 'sig'],
  ...['credential', 'credentials'],
])
/** A page's place in a list, a caller's own number for a retry, a model's vocabulary. */
const HARMLESS_TOKENS = new Set([
  ...['next', 'previous', 'prev', 'page', 'pagination', 'continuation', 'cursor', 'sync', 'resume', 'scroll'],
  ...['request', 'client', 'idempotency', 'cancellation', 'change', 'design', 'csrf', 'xsrf'],
  ...['max', 'min', 'stop', 'start', 'end', 'first', 'last', 'special', 'delimiter'],
  ...['eos', 'bos', 'pad', 'unk', 'sep', 'cls', 'mask', 'prompt', 'completion'],
])
/** Asked of every name before it is taken apart. */
const MAY_BE = /pass|pwd|secret|token|key|auth|cookie|bearer|jwt|credential|cvv|cvc|sig/i
/** An agent that wants something hidden calls it a password: what is longer is shown whatever it is called. */
const LONGEST_SECRET = 4_096
/** Longer than any name; what is longer is a text. */
const LONGEST = 100

export function strengthOf(name: string): Strength | undefined {
  if (name.length > LONGEST || !MAY_BE.test(name)) return undefined
  const words = wordsOf(name)
  const last = words.at(-1) ?? ''
  const before = words.at(-2) ?? ''
  if (STRONG.has(last)) return 'strong'
  if (last === 'key' || last === 'keys') return SECRET_KEYS.has(before) ? 'strong' : undefined
  if (last === 'signature') return before === 'amz' || before === 'goog' ? 'weak' : undefined
  if (!WEAK.has(last) || (last === 'token' && HARMLESS_TOKENS.has(before))) return undefined
  return 'weak'
}

/** Names of things that have long numbers and are no payment cards. */
export const namesAnId = (name: string): boolean =>
  name.length <= LONGEST && ['id', 'ids', 'uid', 'timestamp', 'ts'].includes(wordsOf(name).at(-1) ?? '')

/** `X-Api-Key`, `apiKey`, `API_KEY` and `api.key` are the same two words. */
const wordsOf = (name: string): string[] =>
  name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter((word) => word !== '')

/** Whether a value under such a name is a secret, and not where one is to be put or found. */
export function isSecretValue(text: string, strength: Strength): boolean {
  const value = text.trim()
  if (value === '' || value.length > LONGEST_SECRET || PLACEHOLDER.test(value)) return false
  if (strength === 'strong') return !REFERENCE.test(value)
  return value.length >= 8 && (!/\s/.test(value) || HEADER.test(value)) && !REFERENCE.test(value)
}

/** Of what has spaces only what is written as in a header is no prose: RFC 9110, 11.4, and RFC 6265, 4.2.1. */
const HEADER = /^(?:(?:bearer|basic|token|digest|apikey) +\S+|[\w.-]+=[^\s;]+(?:; ?[^\s;]+)+)$/i

/** `${PASSWORD}`, `$PASSWORD`, `{{ password }}`, `<password>`, `%PASSWORD%`, `****`, and words for there being one. */
const PLACEHOLDER =
  /^(?:\$\{[^}]*\}|\$\([^)]*\)|\$\w+|\{\{[^}]*\}\}|<[^>]*>|%\w+%|\*+|\.{3}|\[\w+\]|(?:redacted|hidden|masked|required|optional|string|none|null|true|false|undefined|yes|no|basic|bearer))$/i
/** Where a secret is kept, not what it is. A network address is looked at for what stands in it. */
const REFERENCE = /^(?:arn:|https?:\/\/|op:\/\/|vault:|secrets?:\/\/|ssm:|env:|file:|\/[\w./-]+$)/i

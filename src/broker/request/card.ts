import { type Card, digestJson, type Fact, type JsonValue, REDACTED } from '#contract'
import { RESERVED_KIND } from '#policy'
import { detectSecrets, type Found } from '../redact/detect.ts'

/** All of a card but what redaction adds: the action stands in it as it will be executed. */
export type CardDraft = Omit<Card, 'v' | 'redacted' | 'nonce'>

/**
 * Freezes what reviewers will be shown. Values at the policy's `redact` pointers (RFC 6901, into the action)
 * are replaced; their length and salted digest stay, so that a reviewer knows what was kept from them. What looks
 * like a secret in the rest is kept back as well, in the agent's own words too: a card is copied into chats.
 */
export function freezeCard(draft: CardDraft, redact: readonly string[], salt: string): Card {
  const byPolicy = redactByPolicy(draft.action, redact, salt)
  const found: Found[] = []
  const detected = (value: JsonValue, path: string): JsonValue => {
    const detection = detectSecrets(value, path)
    found.push(...detection.found)
    return detection.value
  }
  // Of a policy change every line is judged: one that looks like a secret could be the one that matters.
  const isPolicyChange = draft.action.kind === RESERVED_KIND
  const given = byPolicy.action.arguments
  const action = { ...byPolicy.action, arguments: isPolicyChange ? given : detected(given, '/arguments') }
  const facts = detected(draft.facts as unknown as JsonValue, '/facts') as unknown as Fact[]
  const statement =
    draft.statement === undefined ? {} : { statement: detected(draft.statement, '/statement') as string }
  return {
    v: 1,
    ...draft,
    action,
    facts,
    ...statement,
    redacted: [
      ...byPolicy.redacted,
      ...found.map(({ path, was }) => ({ ...kept(path, was, salt), by: 'detection' as const })),
    ],
    nonce: digestJson({ salt, nonce: draft.requestId }).slice(-32),
  }
}

const kept = (path: string, was: JsonValue, salt: string) => ({
  path,
  length: (typeof was === 'string' ? was : JSON.stringify(was)).length,
  digest: digestJson({ salt, path, value: was }),
})

function redactByPolicy(
  of: Card['action'],
  redact: readonly string[],
  salt: string,
): Pick<Card, 'action' | 'redacted'> {
  let action = of
  const redacted: Card['redacted'] = []
  for (const path of redact) {
    const result = replaceAt(
      action as unknown as JsonValue,
      path.split('/').slice(1).map(unescapeToken),
      REDACTED,
    )
    if (!result) continue
    action = result.value as unknown as Card['action']
    redacted.push({ ...kept(path, result.was, salt), by: 'policy' })
  }
  return { action, redacted }
}

const unescapeToken = (token: string): string => token.replaceAll('~1', '/').replaceAll('~0', '~')

/** A copy with one value replaced, and the value that was there; undefined where the pointer leads nowhere. */
function replaceAt(
  value: JsonValue,
  path: readonly string[],
  by: JsonValue,
): { value: JsonValue; was: JsonValue } | undefined {
  const [head, ...rest] = path
  if (head === undefined) return { value: by, was: value }
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, head)) return undefined
  if (Array.isArray(value)) {
    const index = Number(head)
    const inner = Number.isInteger(index) ? replaceAt(value[index] as JsonValue, rest, by) : undefined
    return inner && { value: value.with(index, inner.value), was: inner.was }
  }
  const inner = replaceAt(value[head] as JsonValue, rest, by)
  // A computed key, not an assignment: `__proto__` is an ordinary key here.
  return inner && { value: { ...value, [head]: inner.value }, was: inner.was }
}

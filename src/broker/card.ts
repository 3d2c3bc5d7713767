import { type Card, digestJson, type JsonValue, REDACTED } from '#contract'

/** All of a card but what redaction adds: the action stands in it as it will be executed. */
export type CardDraft = Omit<Card, 'v' | 'redacted'>

/**
 * Freezes what reviewers will be shown. Values at the policy's `redact` pointers (RFC 6901, into the action)
 * are replaced; their length and salted digest stay, so that a reviewer knows what was kept from them.
 */
export function freezeCard(draft: CardDraft, redact: readonly string[], salt: string): Card {
  let action = draft.action
  const redacted: Card['redacted'] = []
  for (const path of redact) {
    const result = replaceAt(
      action as unknown as JsonValue,
      path.split('/').slice(1).map(unescapeToken),
      REDACTED,
    )
    if (!result) continue
    action = result.value as unknown as Card['action']
    const text = typeof result.was === 'string' ? result.was : JSON.stringify(result.was)
    redacted.push({
      path,
      length: text.length,
      digest: digestJson({ salt, path, value: result.was }),
      by: 'policy',
    })
  }
  return { v: 1, ...draft, action, redacted }
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

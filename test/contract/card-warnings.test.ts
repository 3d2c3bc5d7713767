import { expect, test } from 'vitest'
import { type Card, cardModel } from '#contract'
import { HOSTILE_TEXTS, hostileCard } from '../support/hostile.ts'

const plain = hostileCard('ordinary')
const withAction = (action: Partial<Card['action']>): Card => ({
  ...plain,
  action: { ...plain.action, ...action },
})
const warningsOf = (card: Card): string => cardModel(card).warnings.join('\n')

test.each([
  ['ordinary words', { arguments: { text: 'Hello, world. It costs 5 %.', 'a key': [1, true, null] } }],
  ['umlauts in values', { arguments: { city: 'Zürich', name: 'Åsa Öberg' } }],
  ['one script throughout', { arguments: { text: 'Привет, мир', more: 'العربية', even: 'हिन्दी' } }],
  ['several scripts in words of their own', { arguments: { text: 'Holdpoint – удержание' } }],
  ['Japanese with Latin letters in its words', { arguments: { text: 'Tシャツ、カタカナとひらがな、漢字' } }],
  ['Korean and Chinese', { arguments: { text: '한국어 A조 中文' } }],
  ['emoji with joiners and selectors', { arguments: { text: '❤️ 👩‍👩‍👧 🏴󠁧󠁢󠁥󠁮󠁧󠁿 🇩🇪' } }],
  ['indented code with tabs', { arguments: { code: 'if (a) {\n\treturn 1\n}\n\n\nb()' } }],
  ['line ends of Windows', { arguments: { text: 'one\r\ntwo\r\n' } }],
])('warnings - none for %s', (_, action) => {
  expect(cardModel(withAction(action)).warnings).toEqual([])
})

test.each([
  ['what cannot be seen', { target: 'ad\u200bmin' }, /cannot be seen.*: 1 \(U\+200B\), in the target/],
  ['a lone carriage return', { arguments: { cmd: 'a\rb' } }, /cannot be seen.*U\+000D.*in \/arguments\/cmd/],
  ['a selector on no emoji', { arguments: ['ok\ufe0f'] }, /U\+FE0F.*in \/arguments\/0/],
  [
    'each kind and how many',
    { arguments: ['\u202e\u202e\u200b'] },
    /: 3 \(U\+202E, U\+200B\), in \/arguments\/0/,
  ],
  [
    'a word of two scripts',
    { arguments: { a: 'p\u0430yroll' } },
    /pass for others: 1 \(p\\u\{430\}yroll mixes Latin and Cyrillic\)/,
  ],
  [
    'a key of two scripts',
    { arguments: { '\u0391dmin': 1 } },
    /mixes Greek and Latin\), in \/arguments\/\u0391dmin/,
  ],
  ['Cherokee among Latin', { name: 'sh\u13cew' }, /mixes Latin and Cherokee/],
  ['Armenian among Latin', { name: 'sh\u0578w' }, /mixes Latin and Armenian/],
  [
    'mathematical letters',
    { arguments: ['\u{1d41a}\u{1d41d}min'] },
    /pass for others: 1 \(\\u\{1d41a\}\\u\{1d41d\}min\)/,
  ],
  ['fullwidth letters', { arguments: ['\uff41\uff44min'] }, /pass for others/],
  ['a name wholly of another script', { name: '\u0441\u043e\u0440' }, /not plain ASCII.*: 3 .*in the name/],
  ['any foreign letter in a target', { target: 'm\u00fcller' }, /not plain ASCII.*\\u\{fc\}.*in the target/],
  ['stacked marks', { arguments: [`Z${'\u0301'.repeat(8)}`] }, /Marks stacked/],
  ['spaces around a name', { name: 'export ' }, /Spaces at the beginning or the end: 1, in the name/],
  ['spaces around a key', { arguments: { ' a': 1 } }, /Spaces at the beginning.*in \/arguments\/ a/],
  [
    'spaces around an argument of a process',
    { kind: 'process', arguments: ['rm ', 'x'] },
    /Spaces.*in \/arguments\/0/,
  ],
  [
    'a command far behind spaces',
    { arguments: { cmd: `ls${' '.repeat(60)}; rm` } },
    /Long runs of spaces.*\/arguments\/cmd/,
  ],
  [
    'a command far behind empty lines',
    { arguments: { cmd: `ls${' \n'.repeat(20)}rm` } },
    /Long runs of spaces/,
  ],
  [
    'encoded text',
    { arguments: { p: 'QUJD'.repeat(100) } },
    /cannot be read here: 1 \(400 characters\), in \/arguments\/p/,
  ],
  ['letters from right to left', { target: 'prod/\u05d0\u05d1/123' }, /right to left.*: 1, in the target/],
  [
    'a redaction that policy never made',
    { arguments: { a: { 'b/c': '[redacted]' } } },
    /pretend.*: 1, in \/arguments\/a\/b~1c/,
  ],
  ['a bare redaction that policy never made', { arguments: '[redacted]' }, /pretend.*: 1, in \/arguments/],
  ['replacement characters', { arguments: ['\ufffd\ufffd'] }, /Replacement characters.*: 2, in/],
])('warnings - %s: said, counted, and where', (_, action, expected) => {
  expect(warningsOf(withAction(action))).toMatch(expected)
})

test('warnings - a foreign letter in an agent’s id or name is pointed out', () => {
  const agent = { ...plain.agent, sub: 'supp\u043ert', name: 'Supp\u043ert' }
  expect(warningsOf({ ...plain, agent })).toMatch(/not plain ASCII.*in the agent’s name, the agent’s id/)
})

test('warnings - none for a redaction that policy made', () => {
  const redacted = [{ path: '/arguments/a~1b', length: 3, digest: plain.actionDigest, by: 'policy' as const }]
  expect(warningsOf({ ...withAction({ arguments: { 'a/b': '[redacted]' } }), redacted })).toBe('')
})

test('warnings - beside a redaction within a text, one more of the agent’s own is said', () => {
  const redacted = [
    { path: '/arguments/note', length: 40, digest: plain.actionDigest, by: 'detection' as const },
  ]
  const warningsFor = (note: string) => warningsOf({ ...withAction({ arguments: { note } }), redacted })
  expect(warningsFor('use [redacted] for it')).not.toContain('pretend')
  expect(warningsFor('use [redacted] and [redacted]')).toMatch(/pretend.*: 1, in \/arguments\/note/)
})

test('warnings - a place is a JSON pointer, with the agent’s keys made visible and short', () => {
  const key = `a/b~c\u202e${'k'.repeat(500)}`
  const warning = warningsOf(withAction({ arguments: { [key]: { deep: ['\u200b'] } } }))
  expect(warning).toContain('/arguments/a~1b~0c\\u{202e}kkk')
  expect(warning).not.toContain('\u202e')
})

test('warnings - however many there are, few are said, and all are counted', () => {
  const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, at) => [`key${at}`, 'a\u0430\u200b']))
  const { warnings } = cardModel(withAction({ arguments: many }))
  expect(warnings).toHaveLength(2)
  expect(warnings.join('\n')).toMatch(/: 5,000 \(U\+200B\), in \/arguments\/key0, .* and more/)
})

test('warnings - a great many places that begin the same are put in words a few times only', () => {
  const key = '\u200b'.repeat(90)
  const many = { [key]: { [key]: { [key]: { [key]: Array<string>(1_000).fill('\u200b') } } } }
  const warning = warningsOf(withAction({ arguments: many }))
  expect(warning).toMatch(/: 1,360 \(U\+200B\), in \/arguments\/(\\u\{200b\})+… and more$/)
})

test.each(HOSTILE_TEXTS)('warnings - $name cannot make them long', ({ text }) => {
  const { warnings } = cardModel(hostileCard(text))
  expect(warnings.length).toBeLessThanOrEqual(8)
  for (const warning of warnings) expect(warning.length).toBeLessThan(2_000)
})

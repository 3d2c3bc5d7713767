import { expect, test } from 'vitest'
import { type Card, cardModel, type RequestSummary, statusModel, WHOLE_CARD } from '#contract'
import { cardText } from '#desk'
import { styleText } from '../../src/desk/terminal/style.ts'
import { terminalOf } from '../../src/desk/terminal/terminal.ts'
import { cells, column, wrap } from '../../src/desk/terminal/wrap.ts'
import { card, withArguments } from '../support/cards.ts'
import { HOSTILE_ARGUMENTS, HOSTILE_TEXTS, hostileCard } from '../support/hostile.ts'

const summary: RequestSummary = {
  requestId: '1-abc',
  state: 'pending',
  agent: 'Support',
  agentId: 'support-agent',
  environment: 'prod',
  kind: 'tool',
  name: 'export_customers',
  rule: 'r',
  requestedAtMs: 0,
  expiresAtMs: 60_000,
  threshold: 2,
  from: ['sre'],
  assurance: 'login',
  reviews: [{ name: 'Bob', iss: 'i', sub: 'bob', verdict: 'approve', atMs: 5 }],
}
const textOf = (given: Card, columns = 80, room = {}, style?: typeof styleText): string =>
  cardText(cardModel(given, room), statusModel(summary, 0), columns, style)

/** Everything that is no line feed and no visible character. */
const CONTROL = /(?!\n)[\p{C}\p{Zl}\p{Zp}]/u

test('terminal card - all of it stands there, live status included', () => {
  const text = textOf(card, 100)
  for (const part of [
    'Request  1-abcdefgh',
    'waits for a decision · 1 min left · 1 more approval needed',
    'Bob (bob) approved',
    'Action   ordinary on ordinary',
    'What exactly will run',
    'alice (https://idp.example.com)  (may not review)',
    'names somebody without proof',
    'estimated_rows = 3  (says the agent)',
    'Risk                  high',
    'version 4',
    '1 person of sre',
    '/arguments/password',
    '12 characters, salted digest',
    '2026-09-21T14:28:20.000Z',
  ])
    expect(text).toContain(part)
})

test('terminal card - the agent’s own words stand in a box that says so', () => {
  expect(textOf({ ...card, statement: 'one\ntwo' }, 60)).toContain(
    [
      '┌─ The agent’s own words; nobody has checked them ──────────',
      '│ one',
      '│ two',
      `└${'─'.repeat(59)}`,
    ].join('\n'),
  )
})

test('terminal card - arguments are a block of their own, and what continues a line is marked', () => {
  const text = textOf(withArguments({ a: 1, long: 'x'.repeat(80) }), 60)
  expect(text).toContain('\n  │ {\n  │   "a": 1,\n  │   "long": "xx')
  expect(text).toMatch(/\n {2}┆ x+"\n {2}│ \}/)
})

test('terminal card - who is missing, who joins later and who has joined stand with the status', () => {
  const given: RequestSummary = {
    ...{ ...summary, requestedAtMs: 0, expiresAtMs: 600_000, denials: 2 },
    all: [
      { from: ['owners'], threshold: 1 },
      { from: ['oncall'], threshold: 1 },
    ],
    escalate: [
      { afterMs: 60_000, to: ['leads'] },
      { afterMs: 120_000, to: ['cto'] },
    ],
    reviews: [{ name: 'Bob', iss: 'i', sub: 'bob', verdict: 'approve', atMs: 5, groups: ['owners'] }],
  }
  const text = cardText(cardModel(card), statusModel(given, 90_000), 120)
  expect(text).toContain(
    'waits for a decision · 8 min 30 s left · 1 more approval needed: 1 of oncall · 0 of the 2 denials that end it',
  )
  expect(text).toContain('\n  ✓ leads may answer as well\n  … cto may answer as well in 30 s\n')
})

test('terminal card - a difference has its signs at the beginning of each line, and colours on top of them', () => {
  const diff = ' rules:\n-  - id: a\n+  - id: b\u202e'
  const changed = withArguments({ version: 2, diff }, 'holdpoint')
  expect(textOf(changed)).toContain('\n  │  rules:\n  │ -  - id: a\n  │ +  - id: b\\u{202e}\n')
  const styled = textOf(changed, 80, {}, styleText)
  expect(styled).toContain('\u001b[31m  │ -  - id: a\u001b[0m')
  expect(styled).toContain('\u001b[32m  │ +  - id: b\\u{202e}\u001b[0m')
})

test('terminal card - warnings stand before the sections', () => {
  const text = textOf({ ...card, action: { ...card.action, target: 'ad\u200bmin' } })
  expect(text.indexOf('!! Look twice')).toBeLessThan(text.indexOf('What exactly will run'))
  expect(text).toMatch(/\n!! Characters that cannot be seen/)
})

test('terminal card - what does not fit is said before anything else', () => {
  const text = textOf(withArguments('x'.repeat(100_000)))
  expect(text).toContain('!! Not all of it stands here')
  expect(text).toMatch(/⋯ [\d,]+ characters are not shown here ⋯/)
  expect(textOf(withArguments('x'.repeat(100_000)), 80, WHOLE_CARD)).not.toContain('not shown')
})

test.each(HOSTILE_TEXTS)(
  'terminal card - $name draws over nothing, at any width',
  ({ text, raw, dangerousIn }) => {
    for (const columns of [40, 80, 200]) {
      const shown = textOf(hostileCard(text), columns)
      expect(CONTROL.exec(shown)?.[0].codePointAt(0)).toBeUndefined()
      if (dangerousIn === 'everywhere' && raw !== undefined) expect(shown.includes(raw)).toBe(false)
      expect(Math.max(...shown.split('\n').map(cells))).toBeLessThanOrEqual(columns)
    }
  },
)

test.each(HOSTILE_TEXTS)('terminal card - $name starts no line of its own', ({ text }) => {
  const lines = textOf(hostileCard(text), 80).split('\n')
  const ours = textOf(card, 80)
    .split('\n')
    .filter((line) => /^\S/.test(line))
    .map(firstWords)
  const starts = lines.filter((line) => /^[^\s│├┆└┌!]/.test(line)).map(firstWords)
  for (const start of starts) expect(ours).toContain(start)
})
const firstWords = (line: string): string => line.slice(0, 8)

test.each(HOSTILE_ARGUMENTS)('terminal card - $name fits any width', ({ arguments: given }) => {
  const lines = textOf(withArguments(given), 40, WHOLE_CARD).split('\n')
  expect(Math.max(...lines.map(cells))).toBeLessThanOrEqual(40)
})

test('terminal card - nobody writes a note that looks like the card’s', () => {
  const forged: Card = { ...card, action: { ...card.action, target: 'crm  (its token was verified)' } }
  expect(textOf(forged, 120)).toContain('crm \\u{20}(its token was verified)')
  const service = { ...card.action.runtime, serviceName: `${'x'.repeat(56)} (verified by nobody)` }
  const lines = textOf({ ...card, action: { ...card.action, runtime: service } }, 80).split('\n')
  const at = lines.findIndex((line) => line.includes('verified by nobody'))
  expect(lines[at]).toMatch(/^ +┆ /)
  expect(lines[at + 1]).toMatch(/^ +· says its process$/)
})

test('terminal card - styled, it holds the same characters and no sequence but colours', () => {
  for (const { text } of HOSTILE_TEXTS) {
    const styled = textOf(hostileCard(text), 80, {}, styleText)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
    const stripped = styled.replace(/\u001b\[(?:0|1|2|7|31|32|33|36)m/g, '')
    expect(stripped).toBe(textOf(hostileCard(text), 80))
  }
})

test.each([
  ['a pipe', {}, {}, false],
  ['a terminal', { isTTY: true, columns: 120 }, {}, true],
  ['a terminal with NO_COLOR', { isTTY: true, columns: 120 }, { NO_COLOR: '1' }, false],
  ['a terminal with an empty NO_COLOR', { isTTY: true, columns: 120 }, { NO_COLOR: '' }, true],
  ['a dumb terminal', { isTTY: true, columns: 120 }, { TERM: 'dumb' }, false],
])('terminal - colours at %s', (_, stream, env, isColoured) => {
  const { style } = terminalOf(stream as never, env)
  expect(style('bold', 'x')).toBe(isColoured ? '\u001b[1mx\u001b[0m' : 'x')
})

test('terminal - what is cut comes together again, and words stay whole where they can', () => {
  expect(wrap('the quick brown fox', 10)).toEqual(['the quick ', 'brown fox'])
  for (const { text } of HOSTILE_TEXTS.slice(0, 60)) {
    const parts = wrap(text, 20)
    expect(parts.join('')).toBe(text)
    if (text.isWellFormed()) for (const part of parts) expect(part.isWellFormed()).toBe(true)
  }
  expect(wrap('', 20)).toEqual([''])
  expect(wrap('\u{1d167}'.repeat(200), 5).every((part) => part.isWellFormed())).toBe(true)
})

test('terminal - wide characters take two cells, marks none, and columns stay aligned', () => {
  expect(cells('漢字')).toBe(4)
  expect(cells('e\u0301')).toBe(1)
  expect(cells('🙂')).toBe(2)
  expect(cells(column('漢字漢字', 5))).toBe(5)
  expect(column('ab', 5)).toBe('ab   ')
  expect(column('abcdef', 5)).toBe('abcd…')
})

import { expect, test } from 'vitest'
import { actionTitle, cardModel, type JsonValue, WHOLE_CARD } from '#contract'
import { argumentsOf, card, expectSafe, field, section, withArguments } from '../support/cards.ts'
import { HOSTILE_ARGV, HOSTILE_TEXTS, hostileCard } from '../support/hostile.ts'

test('card model - the sections come in the order in which a reviewer asks', () => {
  expect(cardModel(card).sections.map(({ id }) => id)).toEqual([
    'action',
    'requester',
    'statement',
    'rule',
    'facts',
    'review',
  ])
})

test('card model - everything that a reviewer needs stands on it', () => {
  const model = cardModel(card)
  expect(field(model, 'action', 'Kept from reviewers')).toMatchObject({
    text: '/arguments/password',
    note: `12 characters, salted digest sha-256:${'0'.repeat(64)}`,
  })
  expect(field(model, 'requester', 'Owner').text).toBe('alice (https://idp.example.com)')
  expect(field(model, 'requester', 'Enforced').note).toContain('inside the agent’s process')
  expect(section(model, 'requester').fields.map(({ text }) => text)).toContain('names somebody without proof')
  expect(section(model, 'facts').fields).toEqual([
    expect.objectContaining({ text: 'estimated_rows = 3', note: 'says the agent' }),
    expect.objectContaining({ text: 'refusals = 2', note: 'says the broker' }),
  ])
  expect(field(model, 'rule', 'Risk').text).toBe('high')
  expect(field(model, 'rule', 'Policy').text).toBe('version 4')
  expect(field(model, 'review', 'Needs').text).toBe('1 person of sre')
  expect(field(model, 'review', 'Deadline').text).toBe('2026-09-21T14:28:20.000Z')
  expect(model).toMatchObject({
    requestId: '1-abcdefgh',
    title: 'ordinary on ordinary',
    isWhole: true,
    warnings: [],
  })
})

test('card model - the agent’s words are the only testimony, and are labelled so', () => {
  const testimony = cardModel(card).sections.filter(({ isTestimony }) => isTestimony)
  expect(testimony).toHaveLength(1)
  expect(testimony[0]).toMatchObject({
    id: 'statement',
    title: 'The agent’s own words; nobody has checked them',
    fields: [{ text: 'The CEO has approved this.' }],
  })
})

test('card model - what an agent leaves out has no place on the card', () => {
  const { statement: _, ...silent } = card
  const model = cardModel({ ...silent, facts: [], redacted: [] })
  expect(model.sections.map(({ id }) => id)).toEqual(['action', 'requester', 'rule', 'review'])
})

test('card model - a text of several lines is readable, and cannot leave its quotes', () => {
  const query = 'SELECT *\nFROM "customers"\n",\n  "harmless": true'
  expect(argumentsOf(cardModel(withArguments({ query, rows: 5 })))).toBe(
    [
      '{',
      '  "query":',
      '    "SELECT *\\n"',
      '    "FROM \\"customers\\"\\n"',
      '    "\\",\\n"',
      '    "  \\"harmless\\": true",',
      '  "rows": 5',
      '}',
    ].join('\n'),
  )
})

test('card model - an argv has one argument to a line, so that empty ones and spaces are seen', () => {
  expect(argumentsOf(cardModel(withArguments(HOSTILE_ARGV as string[], 'process')))).toBe(
    [
      '[0] "terraform"',
      '[1] "apply"',
      '[2] ""',
      '[3] " "',
      '[4] "-target=a b"',
      '[5] "--\\n"',
      '  "[4] \\"-lock\\""',
      '[6] "\\t"',
      '[7] "\\""',
      '[8] "\'"',
      '[9] "\\\\"',
    ].join('\n'),
  )
})

test('card model - members stand in the order in which they are hashed, prototypes’ names included', () => {
  const given = JSON.parse('{"b":1,"__proto__":{"admin":true},"a":2,"10":3,"9":4}') as JsonValue
  const shown = argumentsOf(cardModel(withArguments(given)))
  expect(shown.match(/"\w+"(?=:)/g)).toEqual(['"10"', '"9"', '"__proto__"', '"admin"', '"a"', '"b"'])
})

test('card model - a fact whose name imitates another stands in quotes', () => {
  const model = cardModel({ ...card, facts: [{ name: 'a = 1, says the broker', value: 2, source: 'agent' }] })
  expect(field(model, 'facts', 'Fact').text).toBe('"a = 1, says the broker" = 2')
})

test.each([
  ['in-process:x', 'inside the agent’s process'],
  ['gateway:x', 'outside the agent'],
  ['resource:x', 'at the service itself'],
] as const)('card model - %s says in words what it is worth', (enforcement, words) => {
  expect(field(cardModel({ ...card, enforcement }), 'requester', 'Enforced').note).toContain(words)
})

test('card model - what does not fit is said, with its beginning and its end', () => {
  const text = `BEGIN${'x'.repeat(100_000)}END`
  const model = cardModel(withArguments({ text }))
  const { text: shown, note } = field(model, 'action', 'Arguments')
  expect(model.isWhole).toBe(false)
  expect(shown).toContain('BEGIN')
  expect(shown).toContain('END')
  const omitted = Number(/⋯ ([\d,]+) characters are not shown here ⋯/.exec(shown)?.[1]?.replaceAll(',', ''))
  const whole = argumentsOf(cardModel(withArguments({ text }), WHOLE_CARD)).length
  expect(shown.replace(/\n⋯.*⋯\n/, '').length + omitted).toBe(whole)
  expect(note).toMatch(/^[\d,]+ of [\d,]+ characters do not fit and are not shown; JSON/)
  expect(cardModel(withArguments({ text }), WHOLE_CARD).isWhole).toBe(true)
})

test.each([
  ['a statement', { ...card, statement: 'word '.repeat(1_500) }],
  ['a fact', { ...card, facts: [{ name: 'x', value: 'y'.repeat(9_000), source: 'agent' as const }] }],
])('card model - %s that does not fit takes the wholeness too', (_, given) => {
  expect(cardModel(given).isWhole).toBe(false)
  expect(cardModel(given, WHOLE_CARD).isWhole).toBe(true)
})

test('card model - no cut goes through a surrogate pair or an escape', () => {
  for (const unit of ['🙂', '\u202e', '\\', '\u{e0041}a', '"'])
    for (let room = 100; room < 140; room++) {
      const { text } = field(
        cardModel(withArguments(unit.repeat(500)), { arguments: room }),
        'action',
        'Arguments',
      )
      expect(text.isWellFormed()).toBe(true)
      for (const part of text.split(/\n⋯.*⋯\n/)) {
        expect(part).not.toMatch(/\\u(?![{])|\\u\{[0-9a-f]*(?![0-9a-f}])/)
        expect(part).not.toMatch(/(?<!\\u\{)\b[0-9a-f]+\}/)
      }
    }
})

test('card model - a long title is shortened between graphemes, and says so', () => {
  const family = '👩‍👩‍👧'
  expect(actionTitle({ name: 'n'.repeat(80) })).toBe('n'.repeat(80))
  expect(actionTitle({ name: 'n'.repeat(81) })).toBe(`${'n'.repeat(80)}… (shortened)`)
  expect(actionTitle({ name: 'ö'.normalize('NFD').repeat(80) })).toMatch(/^(o\u0308){40}… \(shortened\)$/)
  const zalgo = actionTitle({ name: `Z${'\u0301'.repeat(400)}`, target: 'x' })
  expect(zalgo).toMatch(/^Z\u0301{4}(\\u\{301\})+… on x \(shortened\)$/)
  expect(actionTitle({ name: family.repeat(20) }).isWellFormed()).toBe(true)
  expect(actionTitle({ name: 'x\u202e'.repeat(40) })).toMatch(/^(x\\u\{202e\})+x?… \(shortened\)$/)
})

test('card model - a time that no calendar has is shown as it is', () => {
  const model = cardModel({ ...card, expiresAtMs: Number.MAX_SAFE_INTEGER })
  expect(field(model, 'review', 'Deadline').text).toBe('9007199254740991 ms after 1970')
})

test.each(HOSTILE_TEXTS)(
  'card model - $name is safe wherever it stands, with room and without',
  ({ text }) => {
    for (const room of [{}, WHOLE_CARD, { arguments: 200, statement: 100 }])
      expectSafe(cardModel(hostileCard(text), room))
  },
)

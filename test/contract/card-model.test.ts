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

test('card model - parts of a threshold, denials and whoever joins later stand among who may decide', () => {
  const model = cardModel({
    ...card,
    requestedAtMs: 0,
    promptedBy: { iss: 'i', sub: 'paula' },
    approvals: {
      ...{ from: ['owners', 'oncall', 'sre'], threshold: 3, assurance: 'login', denials: 2 },
      all: [
        { from: ['owners'], threshold: 1 },
        { from: ['oncall', 'sre'], threshold: 2 },
      ],
      escalate: [{ afterMs: 300_000, to: ['leads', 'cto'] }],
    },
  })
  expect(field(model, 'review', 'Needs').text).toBe('1 of owners and 2 of oncall, sre; different people')
  expect(field(model, 'review', 'Ends with').text).toBe('2 people’s denials')
  expect(field(model, 'review', 'Joins later')).toMatchObject({
    text: 'leads, cto',
    note: expect.stringContaining('after 5 min, from 1970-01-01T00:05:00.000Z on'),
  })
  expect(field(model, 'requester', 'Prompted by').text).toBe('paula (i)')
})

test('card model - what is hidden by detection is labelled so, warned of, and takes Approve to the whole card', () => {
  const [redaction] = card.redacted
  if (!redaction) throw new Error('no redaction')
  const detected = { ...card, redacted: [{ ...redaction, by: 'detection' as const }] }
  const model = cardModel(detected)
  expect(field(model, 'action', 'Looks like a secret')).toMatchObject({
    text: '/arguments/password',
    note: expect.stringContaining('no rule asks for it: 12 characters'),
  })
  expect(section(model, 'action').fields.map(({ label }) => label)).not.toContain('Kept from reviewers')
  expect(model.warnings.join()).toContain(
    'look like secrets, and are hidden for that alone: 1, in /arguments/password',
  )
  expect([model.isWhole, cardModel(detected, WHOLE_CARD).isWhole, cardModel(card).isWhole]).toEqual([
    ...[false, true, true],
  ])
})

test.each([
  [3, 'broker', 'Refused 3 times in the last hour'],
  [1, 'broker', 'Refused once in the last hour'],
] as const)('card model - %i recent denials, says the %s, are the first warning', (value, source, words) => {
  const facts = [{ name: 'recent_denials', value, source }]
  const { warnings } = cardModel({ ...card, action: { ...card.action, name: 'x\u202e' }, facts })
  expect(warnings[0]).toContain(words)
  expect(warnings.length).toBeGreaterThan(1)
})

test.each([
  [0, 'broker'],
  [3, 'agent'],
  [3, 'gateway'],
  ['3', 'broker'],
] as const)('card model - %j denials, says the %s, are no warning', (value, source) => {
  expect(cardModel({ ...card, facts: [{ name: 'recent_denials', value, source }] }).warnings).toEqual([])
})

test('card model - a change of policy shows its difference as text, and the rest as arguments', () => {
  const diff = ' rules:\n-  - id: a\n+  - id: "b\u202e"\n'
  const model = cardModel(withArguments({ version: 7, from: 6, diff }, 'holdpoint'), WHOLE_CARD)
  expect(field(model, 'action', 'Difference')).toMatchObject({
    form: 'diff',
    text: ' rules:\n-  - id: a\n+  - id: "b\\u{202e}"\n',
  })
  expect(argumentsOf(model)).toBe('{\n  "from": 6,\n  "version": 7\n}')
  expect(model.warnings.join()).toContain('Characters that cannot be seen')
  const long = cardModel(withArguments({ diff: `+${'x'.repeat(100_000)}` }, 'holdpoint'))
  expect(long.isWhole).toBe(false)
})

test.each([
  ['of another kind', 'tool', { diff: '+x' }],
  ['without a text', 'holdpoint', { diff: ['+x'] }],
  ['that are a list', 'holdpoint', ['+x']],
] as const)('card model - arguments %s are no difference', (_, kind, given) => {
  const model = cardModel(withArguments(given as unknown as JsonValue, kind))
  expect(section(model, 'action').fields.map(({ label }) => label)).not.toContain('Difference')
  expect(argumentsOf(model)).toContain('"+x"')
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

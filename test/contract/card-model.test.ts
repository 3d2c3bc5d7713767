import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  actionTitle,
  type Card,
  type CardField,
  type CardModel,
  canonicalize,
  cardModel,
  type JsonValue,
  renderHash,
  WHOLE_CARD,
} from '#contract'
import {
  DEEPEST,
  HOSTILE_ARGUMENTS,
  HOSTILE_ARGV,
  HOSTILE_TEXTS,
  hostileCard,
  isSendable,
} from '../support/hostile.ts'

const card: Card = hostileCard('ordinary', {
  agent: { iss: 'o', sub: 'support-agent', name: 'Support' },
  redacted: [{ path: '/arguments/password', length: 12, digest: `sha-256:${'0'.repeat(64)}` }],
  statement: 'The CEO has approved this.',
  facts: [
    { name: 'estimated_rows', value: 3, source: 'agent' },
    { name: 'refusals', value: 2, source: 'broker' },
  ],
})
const withArguments = (given: JsonValue, kind = 'tool'): Card => ({
  ...card,
  action: { ...card.action, kind, arguments: given },
})
const section = (model: CardModel, id: string) => {
  const found = model.sections.find((one) => one.id === id)
  if (!found) throw new Error(`no section ${id}`)
  return found
}
const field = (model: CardModel, id: string, label: string): CardField => {
  const found = section(model, id).fields.find((one) => one.label === label)
  if (!found) throw new Error(`no field ${label}`)
  return found
}
const argumentsOf = (model: CardModel): string => field(model, 'action', 'Arguments').text

const textsOf = (model: CardModel): string[] => [
  model.requestId,
  model.title,
  ...model.warnings,
  ...model.sections.flatMap(({ title, fields }) => [
    title,
    ...fields.flatMap(({ label, text, note }) => [label, text, note ?? '']),
  ]),
]
const UNSHOWN = /(?!\n)[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]|(?! )\p{Zs}/u

function expectSafe(model: CardModel): void {
  for (const text of textsOf(model)) expect(UNSHOWN.exec(text)?.[0].codePointAt(0)).toBeUndefined()
  for (const { fields } of model.sections)
    for (const { form, text, note } of fields) {
      if (form === 'line') expect(text).not.toContain('\n')
      expect(note ?? '').not.toContain('\n')
    }
  for (const line of [model.title, model.requestId, ...model.warnings]) expect(line).not.toContain('\n')
}

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
  expect(actionTitle({ name: `Z${'\u0301'.repeat(400)}`, target: 'x' })).toBe('… on x (shortened)')
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

test.each(HOSTILE_ARGUMENTS)('card model - $name is shown whole', ({ arguments: given }) => {
  const model = cardModel(withArguments(given), WHOLE_CARD)
  expectSafe(model)
  expect(read(argumentsOf(model))).toBe(canonicalize(given))
})

test('card model - the deepest arguments are shown to the bottom', () => {
  const shown = argumentsOf(cardModel(withArguments(HOSTILE_ARGUMENTS[0]?.arguments ?? null)))
  expect(shown).toContain('"the core"')
  expect(shown.split('\n')).toHaveLength(2 * DEEPEST + 1)
})

/** Whoever reads the block gets the very value back: nothing is hidden in it, and nothing is ambiguous. */
function read(shown: string): string {
  const joined = shown.replace(/(?<=\\n")\n\s*(?=")/g, '\u0000').replaceAll('"\u0000"', '')
  const json = joined.replace(/\\\\|\\u\{([0-9a-f]+)\}/g, (all, hex?: string) =>
    hex === undefined ? all : JSON.stringify(String.fromCodePoint(Number.parseInt(hex, 16))).slice(1, -1),
  )
  return canonicalize(JSON.parse(json))
}

const character = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  fc.constantFrom('\n', '"', '\\', ',', '\u202e', '\t', ' ', '\\u{202e}', '⋯', '}', ':'),
)
const text = fc.string({ unit: character, maxLength: 12 }).filter((given) => given.isWellFormed())
const json = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    text,
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((one) => !Number.isInteger(one)),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(text, tie('value'), { maxKeys: 4, noNullPrototype: true }),
  ),
})).value

test('card model - the arguments can be read back from what is shown: every value is there, and only once', () => {
  fc.assert(
    fc.property(json, (given) => {
      expect(read(argumentsOf(cardModel(withArguments(given), WHOLE_CARD)))).toBe(canonicalize(given))
    }),
    { numRuns: 1_000 },
  )
})

test('card model - an argv can be read back from what is shown', () => {
  fc.assert(
    fc.property(fc.array(text, { minLength: 1, maxLength: 6 }), (argv) => {
      const shown = argumentsOf(cardModel(withArguments(argv, 'process'), WHOLE_CARD))
      const items = shown.split(/(?:^|\n)\[\d+\] /).slice(1)
      expect(items.map((item) => JSON.parse(read(item)))).toEqual(argv)
    }),
    { numRuns: 500 },
  )
})

const principal = fc.record({ iss: text, sub: text })
const anyCard: fc.Arbitrary<Card> = fc.record({
  v: fc.constant(1 as const),
  requestId: text,
  action: fc.record(
    {
      kind: fc.constantFrom('tool', 'process', 'db'),
      name: text,
      target: text,
      arguments: json,
      runtime: fc.record(
        {
          serviceName: text,
          serviceVersion: text,
          host: text,
          cwdDigest: text,
          envDigest: text,
          toolSchemaDigest: text,
          precondition: text,
        },
        { requiredKeys: ['serviceName', 'host'] },
      ),
      trace: fc.constant(card.action.trace),
    },
    { requiredKeys: ['kind', 'name', 'arguments', 'runtime', 'trace'] },
  ),
  redacted: fc.array(fc.record({ path: text, length: fc.nat(), digest: fc.constant(card.actionDigest) }), {
    maxLength: 2,
  }),
  actionDigest: fc.constant(card.actionDigest),
  agent: fc.record({ iss: text, sub: text, name: text }),
  owner: principal,
  onBehalfOf: fc.array(principal, { maxLength: 2 }),
  onBehalfOfUnverified: fc.boolean(),
  environment: text,
  enforcement: fc.constantFrom('in-process:a', 'gateway:b', 'resource:c'),
  facts: fc.array(
    fc.record({ name: text, value: json, source: fc.constantFrom('broker', 'gateway', 'agent') }),
    { maxLength: 3 },
  ),
  rule: text,
  policyVersion: fc.nat(),
  approvals: fc.record({
    from: fc.array(text, { minLength: 1, maxLength: 3 }),
    threshold: fc.integer({ min: 1, max: 20 }),
    assurance: fc.constantFrom('chat', 'login', 'step-up', 'passkey'),
  }),
  requestedAtMs: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  expiresAtMs: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
}) as fc.Arbitrary<Card>

test('card model - it never throws, and shows no character that hides or steers', () => {
  fc.assert(
    fc.property(anyCard, fc.nat(200), fc.nat(200), (given, most, statement) => {
      expectSafe(cardModel(given))
      expectSafe(cardModel(given, { arguments: most, statement }))
    }),
    { numRuns: 500 },
  )
})

test('card model - a card that differs anywhere has another hash, and one whose words differ another model', () => {
  const changed = fc.tuple(
    anyCard,
    anyCard,
    fc.constantFrom<keyof Card>(
      'action',
      'agent',
      'owner',
      'facts',
      'rule',
      'environment',
      'approvals',
      'expiresAtMs',
      'onBehalfOf',
      'redacted',
    ),
  )
  fc.assert(
    fc.property(changed, ([one, other, member]) => {
      const mixed = { ...one, [member]: other[member] }
      fc.pre(canonicalize(mixed) !== canonicalize(one))
      expect(renderHash(mixed)).not.toBe(renderHash(one))
      if (member !== 'agent') expect(cardModel(mixed, WHOLE_CARD)).not.toEqual(cardModel(one, WHOLE_CARD))
    }),
    { numRuns: 500 },
  )
})

test.each([
  ['overrides', '\u202e'],
  ['joiners', '\u200d'],
  ['spaces', ' '],
  ['line feeds', '\n'],
  ['carriage returns', '\r'],
  ['backslashes', '\\'],
  ['escapes that were typed', '\\u{'],
  ['marks that want to be sorted', '\u0316\u0301'],
  ['letters of two scripts', 'a\u0430'],
  ['words of two scripts', 'a\u0430 '],
  ['ligatures that grow', '\ufdfa'],
  ['halves of flags', '🇩'],
  ['key caps', '#\ufe0f\u20e3'],
  ['base64', 'QUJD'],
])('card model - 1 MB of %s comes to an end, as a value and as a key', (_, unit) => {
  const long = unit.repeat(Math.floor(1_000_000 / unit.length))
  const model = cardModel(withArguments({ [long]: long }))
  expect(model.isWhole).toBe(false)
  expect(textsOf(model).join('').length).toBeLessThan(70_000)
})

test('card model - whatever is well-formed enough to be a card has a hash', () => {
  for (const one of HOSTILE_TEXTS.filter(isSendable))
    expect(renderHash(hostileCard(one.text))).toMatch(/^sha-256:/)
})

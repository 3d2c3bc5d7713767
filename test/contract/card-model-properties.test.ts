import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Card, canonicalize, cardModel, type JsonValue, renderHash, WHOLE_CARD } from '#contract'
import { argumentsOf, card, expectSafe, textsOf, withArguments } from '../support/cards.ts'
import { DEEPEST, HOSTILE_ARGUMENTS, HOSTILE_TEXTS, hostileCard, isSendable } from '../support/hostile.ts'

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
  redacted: fc.array(
    fc.record({
      path: text,
      length: fc.nat(),
      digest: fc.constant(card.actionDigest),
      by: fc.constantFrom('policy', 'detection'),
    }),
    {
      maxLength: 2,
    },
  ),
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

import { expect, test } from 'vitest'
import { ruleOn } from '#policy'
import { ask, load } from './support.ts'

function outcome(when: string, args: unknown): string {
  const policy = load(`{ id: a, match: {}, when: ${JSON.stringify(when)}, effect: allow }`)
  const { effect, rule } = ruleOn(policy, ask('send', args))
  return rule === 'a' ? effect : 'pass'
}

const long = 'a'.repeat(1_000_000)
const many = new Array(2000).fill('ab')

// Evaluated, the first of them holds the process for fifteen seconds, and the broker's with it.
test.each([
  'action.arguments.words.exists(w, action.arguments.body.contains(w))',
  'action.arguments.words.exists(w, w == "x" || size(action.arguments.body) < 10)',
  'action.arguments.words.map(w, action.arguments.body + w).exists(x, x.endsWith("c"))',
  'action.arguments.words.exists(w, action.arguments["body"].matches("b$"))',
])('policy - a long text for each of many entries is held unread: %s', (when) => {
  expect(outcome(when, { words: many, body: long })).toBe('hold')
})

test('policy - a text for each of some entries is read', () => {
  const args = { words: ['ann', 'bob', 'cyd'], body: 'dear all '.repeat(10_000) }
  expect(outcome('action.arguments.words.exists(w, action.arguments.body.contains(w))', args)).toBe('pass')
  expect(outcome('!action.arguments.words.exists(w, action.arguments.body.contains(w))', args)).toBe('allow')
})

test('policy - what takes time linear in the arguments is read, however long they are', () => {
  const args = { words: many, body: long }
  expect(outcome('action.arguments.words.all(w, w.endsWith("ab"))', args)).toBe('allow')
  expect(outcome('action.arguments.words.all(w, w != action.arguments.body)', args)).toBe('allow')
  expect(outcome('!action.arguments.body.contains("secret")', args)).toBe('allow')
})

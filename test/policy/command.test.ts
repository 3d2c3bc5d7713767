import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { starterPolicy } from '#policy'
import { policyCommands } from '#policy/command'
import { runProgram } from '#runtime'
import { createFakeIo } from '../support/io.ts'
import { SRE } from './support.ts'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'policy-command-'))
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text)
  write('policy.yaml', starterPolicy(SRE))
  write('observe.yaml', starterPolicy(SRE).replace('mode: enforce', 'mode: observe'))
  write('bad.yaml', 'holdpoint: 1\nmode: enforced\n')
  write('refund.json', '{"kind": "tool", "name": "issue_refund", "arguments": {"amount": 20}}')
  const parts = '{ all: [{ from: [reviewers] }, { from: [data-owners], threshold: 2 }] }'
  const grant = 'match: { kind: [tool, mcp], name: "grant_*" }'
  write('parts.yaml', starterPolicy(SRE).replace(grant, `${grant}\n    approvals: ${parts}`))
  write('grant.json', '{"kind": "tool", "name": "grant_role", "arguments": {}}')
  write('change.json', '{"kind": "holdpoint", "name": "policy apply", "arguments": {"version": 2}}')
  write('drop.json', '{"action": {"kind": "db", "name": "DROP TABLE", "arguments": null}, "onBehalfOf": []}')
  write('twice.json', '{"kind": "tool", "kind": "db", "name": "x", "arguments": {}}')
  write('nameless.json', '{"kind": "tool", "arguments": {}}')
})
afterAll(() => rmSync(folder, { recursive: true }))

async function run(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const io = createFakeIo({ cwd: folder })
  const program = { name: 'holdpoint', version: '0', summary: '', commands: policyCommands }
  const code = await runProgram(program, ['policy', ...argv], io)
  return { code, out: io.out(), err: io.err() }
}

test('policy check - a good policy: 0, how many rules, and what is allowed without one', async () => {
  const { code, out, err } = await run('check', 'policy.yaml')
  expect({ code, out }).toEqual({ code: 0, out: 'policy.yaml: usable, 6 rules, 2 groups, 1 finding\n' })
  expect(err).toMatch(
    /^policy\.yaml:\d+:\d+: note: Every action of the kind http that no rule matches is allowed\.\n$/,
  )
})

test('policy check - findings with their place, and as JSON', async () => {
  const { code, out, err } = await run('check', 'observe.yaml', '--json')
  expect(code).toBe(0)
  expect(err).toMatch(/^observe\.yaml:\d+:7: warning: OBSERVE MODE: /)
  expect(JSON.parse(out)).toMatchObject({
    file: 'observe.yaml',
    rules: 6,
    findings: [{ code: 'OBSERVED' }, {}],
  })
})

test.each([
  [['check', 'bad.yaml'], 'INVALID_POLICY: bad.yaml:2:7: mode: "enforced", expected "enforce" or "observe"'],
  [['check', 'none.yaml'], 'INVALID_POLICY: none.yaml: cannot be read, expected a file'],
  [['explain', 'bad.yaml', '--action', 'refund.json'], 'INVALID_POLICY: bad.yaml:2:7: '],
  [['explain', 'policy.yaml', '--action', 'none.json'], 'INVALID_INPUT: none.json: cannot be read'],
  [['explain', 'policy.yaml', '--action', 'policy.yaml'], 'INVALID_INPUT: policy.yaml: JSON: '],
  [
    ['explain', 'policy.yaml', '--action', 'twice.json'],
    'INVALID_INPUT: twice.json: JSON: the key "kind" twice',
  ],
  [['explain', 'policy.yaml', '--action', 'nameless.json'], 'INVALID_INPUT: nameless.json: name is missing'],
])('policy %j - refused with 1', async (argv, expected) => {
  const { code, out, err } = await run(...argv)
  expect([code, out]).toEqual([1, ''])
  expect(err).toContain(expected)
})

test.each([[['check']], [['explain', 'policy.yaml']], [['check', 'policy.yaml', '--strict']]])(
  'policy %j - wrong usage is 2',
  async (argv) => {
    expect((await run(...argv)).code).toBe(2)
  },
)

test('policy explain - every rule with its reason, and the ruling in a sentence', async () => {
  const { code, out } = await run('explain', 'policy.yaml', '--action', 'refund.json', '--environment', 'dev')
  expect(code).toBe(0)
  expect(out).toContain('→ small-refund  its condition is true\n')
  expect(out.trimEnd().split('\n').at(-1)).toBe('allow by small-refund')
})

test('policy explain - whose release a held action waits for', async () => {
  const last = async (file: string) =>
    (await run('explain', file, '--action', 'grant.json')).out.trimEnd().split('\n').at(-1)
  expect(await last('policy.yaml')).toBe(
    'hold by grant-role, to be released by 1 person of reviewers (login)',
  )
  expect(await last('parts.yaml')).toBe(
    'hold by grant-role, to be released by 1 of reviewers and 2 of data-owners; different people (login)',
  )
})

test('policy explain - a change of the policy is ruled by its duty, also where all is only observed', async () => {
  const { out } = await run('explain', 'observe.yaml', '--action', 'change.json')
  expect(out).toBe(
    '→ policy-change  the kind holdpoint is ruled by duties.policy alone, in every mode\n\nhold by policy-change, to be released by 1 person of reviewers (login)\n',
  )
})

test('policy explain - as JSON, for a whole question', async () => {
  const { out } = await run('explain', 'policy.yaml', '--action', 'drop.json', '--json')
  expect(JSON.parse(out)).toMatchObject({
    ruling: { effect: 'deny', rule: 'drop-statement', mode: 'enforce' },
    steps: expect.arrayContaining([
      { rule: 'lookup', matched: false, because: 'kind is "db", not "tool", "mcp"' },
    ]),
  })
})

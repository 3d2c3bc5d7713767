import { type Action, actionDigest, type Requester } from '#contract'
import { createRandom } from '../../support/random.ts'
import { type Attack, guardIn } from './attack.ts'

const inDigest = guardIn('src/contract/action.ts')

const action: Action = {
  kind: 'process',
  name: 'deploy',
  target: 'cluster-a',
  arguments: ['deploy', '--env', 'prod'],
  runtime: {
    serviceName: 'shop',
    host: 'host-1',
    cwdDigest: `sha-256:${'1'.repeat(64)}`,
    envDigest: `sha-256:${'2'.repeat(64)}`,
    toolSchemaDigest: `sha-256:${'3'.repeat(64)}`,
    precondition: 'etag-1',
  },
  trace: { traceId: '1'.repeat(32), spanId: '2'.repeat(16) },
}
const requester: Requester = {
  agent: { iss: 'o', sub: 'shop-agent', name: 'Shop' },
  owner: { iss: 'https://idp.example.com', sub: 'olga' },
  environment: 'prod',
  enforcement: 'in-process:shop-agent',
  onBehalfOf: [{ iss: 'https://idp.example.com', sub: 'rosa' }],
}
const SALT = 's'.repeat(22)
const digestOf = (change: Partial<Action> = {}, by: Partial<Requester> = {}, salt = SALT): string =>
  actionDigest({ ...action, ...change }, { ...requester, ...by }, salt)
const runtime = (change: Partial<Action['runtime']>): Partial<Action> => ({
  runtime: { ...action.runtime, ...change },
})

const ENV = 'environment swap (GHSA-hjvp-qhm6-wrh2)'
const NAME_ONLY = 'approval by name only (MCPoison, CVE-2025-54136)'
const other = `sha-256:${'9'.repeat(64)}` as const

/** Each is the same action but for one thing, and must not be released by the same approval. */
const MEMBERS: [guard: string, threat: string, find: string, other: () => string][] = [
  ['digest-salt', 'log injection', '    salt,\n', () => digestOf({}, {}, 't'.repeat(22))],
  ['digest-kind', NAME_ONLY, '    kind: action.kind,\n', () => digestOf({ kind: 'tool' })],
  ['digest-name', NAME_ONLY, '    name: action.name,\n', () => digestOf({ name: 'destroy' })],
  ['digest-target', NAME_ONLY, '    target: action.target,\n', () => digestOf({ target: 'cluster-b' })],
  [
    'digest-agent',
    'warrant theft and replay',
    '    agent: { iss: requester.agent.iss, sub: requester.agent.sub },\n',
    () => digestOf({}, { agent: { ...requester.agent, sub: 'other' } }),
  ],
  [
    'digest-on-behalf-of',
    'self-approval, second account, bot',
    '    onBehalfOf: requester.onBehalfOf.map(({ iss, sub }) => ({ iss, sub })),\n',
    () => digestOf({}, { onBehalfOf: [] }),
  ],
  [
    'digest-environment',
    ENV,
    '    environment: requester.environment,\n',
    () => digestOf({}, { environment: 'staging' }),
  ],
  [
    'digest-enforcement',
    'warrant theft and replay',
    '    enforcementPoint: requester.enforcement,\n',
    () => digestOf({}, { enforcement: 'gateway:shop-agent' }),
  ],
  ['digest-cwd', ENV, 'cwd: cwdDigest, ', () => digestOf(runtime({ cwdDigest: other }))],
  ['digest-env', ENV, 'env: envDigest, ', () => digestOf(runtime({ envDigest: other }))],
  [
    'digest-tool-schema',
    NAME_ONLY,
    'toolSchema: toolSchemaDigest, ',
    () => digestOf(runtime({ toolSchemaDigest: other })),
  ],
  [
    'digest-precondition',
    ENV,
    'toolSchema: toolSchemaDigest, precondition }',
    () => digestOf(runtime({ precondition: 'etag-2' })),
  ],
]

const members: Attack[] = MEMBERS.map(([guard, threat, find, otherDigest]) => ({
  name: `the same action but for one thing: ${guard}`,
  threat,
  enforcementPoint: 'in-process gate',
  guard: inDigest(
    guard,
    `An approval that also fits another action: ${guard}.`,
    find,
    find.endsWith('precondition }') ? 'toolSchema: toolSchemaDigest }' : '',
  ),
  run: async () => (otherDigest() === digestOf() ? 'both have one digest' : undefined),
}))

const ARGUMENTS = inDigest(
  'digest-arguments',
  'An approval that also fits other arguments.',
  '    arguments: action.arguments,\n',
)

/** argv as a vector: what a shell would read as the same line is not the same action. */
const ARGV: [name: string, given: Action['arguments']][] = [
  ['one argument split in two', ['deploy', '--env', 'pr', 'od']],
  ['two arguments joined', ['deploy', '--env prod']],
  ['a trailing space', ['deploy', '--env', 'prod ']],
  ['a no-break space', ['deploy', '--env\u00a0', 'prod']],
  ['an empty argument', ['deploy', '', '--env', 'prod']],
  ['another order', ['deploy', 'prod', '--env']],
  ['a string instead of a vector', 'deploy --env prod'],
  ['env -S in front', ['env', '-S', 'deploy --env prod']],
  ['a homoglyph', ['deploy', '--env', 'pr\u043ed']],
  ['a composed letter, decomposed', ['de\u0301ploy', '--env', 'prod']],
]
const argv: Attack[] = ARGV.map(([name, given]) => ({
  name: `argv with ${name}`,
  threat: 'whitespace in argv (CVE-2026-32065), `env -S` (GHSA-796m-2973-wc5q)',
  enforcementPoint: 'in-process gate',
  guard: ARGUMENTS,
  run: async () => (digestOf({ arguments: given }) === digestOf() ? 'both have one digest' : undefined),
}))

const mutations: Attack = {
  name: '10,000 mutations of argv',
  threat: 'whitespace in argv (CVE-2026-32065), `env -S` (GHSA-796m-2973-wc5q)',
  enforcementPoint: 'in-process gate',
  guard: ARGUMENTS,
  async run() {
    const random = createRandom(1)
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T
    const vectors = new Set<string>()
    const digests = new Set<string>()
    for (let made = 0; made < 10_000; made++) {
      const given = Array.from({ length: Math.floor(random() * 5) }, () => pick(WORDS) + pick(WORDS))
      vectors.add(JSON.stringify(given))
      digests.add(digestOf({ arguments: given }))
    }
    return digests.size === vectors.size ? undefined : `${vectors.size} vectors have ${digests.size} digests`
  },
}
const WORDS = ['', ' ', '\t', '\n', '"', "'", '\\', 'rm', '-rf', '/', ';', '$(x)', '\u200b', '--', '=', 'a']

export const digestAttacks: readonly Attack[] = [...members, ...argv, mutations]

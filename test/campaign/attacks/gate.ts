import { TYP } from '#contract'
import { createGate, type GateAttempt } from '#gate'
import { signDocument } from '#warrant/issue'
import { attempt, configFor, POLICY, startScene } from '../../support/gate-scene.ts'
import type { ScriptedBroker } from '../../support/scripted-broker.ts'
import { type Attack, guardIn } from './attack.ts'
import type { Scenes } from './scenes.ts'

const inTrust = guardIn('src/warrant/trust.ts')
const inRule = guardIn('src/gate/rule.ts')
const inPermit = guardIn('src/gate/permit.ts')
const OFF = 'switching the gate off (CVE-2025-53773)'

const rollback = inTrust(
  'no-rollback',
  'An older policy put back.',
  'if (seen !== undefined && version < seen.version)',
  'if (false as boolean)',
)
const equivocation = inTrust(
  'one-content',
  'Two policies under one version.',
  'if (seen?.version === version && seen.jws !== jws)',
  'if (false as boolean)',
  // What has the version that is known already is not even compiled.
  [
    {
      file: 'src/gate/authority.ts',
      find: 'before?.policyVersion === document.version',
      replace: '(false as boolean) && before',
    },
  ],
)
const policyExpiry = inTrust(
  'policy-expiry',
  'A policy that nobody vouches for any more.',
  "checkNotExpired('policy', document, nowS())",
  '',
  // The gate looks again at every action.
  [
    {
      file: 'src/gate/authority.ts',
      find: 'expiresAtMs: Math.min(keySet.exp, document.exp) * 1000,',
      replace: 'expiresAtMs: keySet.exp * 1000,',
    },
  ],
)
const policyOrigin = inTrust(
  'policy-origin',
  'A policy of another organisation’s installation.',
  "checkOrigin('policy', document.origin, set.origin)",
)
const registration = guardIn('src/gate/authority.ts')(
  'own-registration',
  'The registration of an agent that may do more.',
  'if (registration.agent.sub !== config.agentId)',
  'if (false as boolean)',
)
const sameAction = guardIn('src/gate/held.ts')(
  'asked-is-what-was-asked',
  'People are asked about another action than will run.',
  'checkSameAction(reply.actionDigest, asked)',
)
const once = inPermit(
  'permit-once',
  'One approval, run twice.',
  "if (isUsed) return refuse({ code: 'ALREADY_SPENT', name: attempt.name, requestId })",
)
const gone = inPermit(
  'caller-gone',
  'A tool that runs although its caller has given it up.',
  'return attempt.signal?.aborted ? ',
  'return (false as boolean) ? ',
)
const copied = inRule(
  'frozen-arguments',
  'Arguments that change after they were approved.',
  'return { value: JSON.parse(canonical), canonical }',
  'return { value: given as JsonValue, canonical }',
)
const oneReading = inRule(
  'one-reading',
  'JSON that two parsers read differently.',
  'const value = parseJson(argumentsText)',
  'const value = JSON.parse(argumentsText) as JsonValue',
)

/** A gate of its own hears first an honest policy and then this one; `drop_database` is denied by the honest one. */
async function afterPolicy(later: (broker: ScriptedBroker) => string) {
  const { broker, nats, stop } = await startScene()
  let policy: string | undefined
  const honest = (version: number, source = POLICY) => signPolicy(broker, { version, source })
  broker.intercept = ({ name }, reply) =>
    name === 'hello' ? { ...reply, policy: policy ?? honest(5) } : reply
  const gate = createGate({ ...configFor(broker, nats.url), requestTimeoutMs: 1_500 }, { now: Date.now })
  await gate.start()
  try {
    const first = await gate.ask(attempt({ name: 'drop_database' }))
    if (first.permitted || first.refusal.code !== 'POLICY_DENIED') return 'the honest policy did not rule'
    policy = later(broker)
    broker.publishPolicy(POLICY, 7)
    const seen = broker.calls.length
    await until(() => broker.calls.slice(seen).some(({ name }) => name === 'hello'))
    await new Promise((resolve) => setTimeout(resolve, 100))
    const second = await gate.hold(attempt({ name: 'drop_database' }), () => 'ran')
    return second.ran ? 'the tool ran' : undefined
  } finally {
    await gate.stop()
    await stop()
  }
}
const ALLOWS = POLICY.replace('effect: deny', 'effect: allow').replace(
  '    reason: Dropping a database is a change request.\n',
  '',
)
function signPolicy(
  broker: ScriptedBroker,
  more: { version: number; source: string; exp?: number; origin?: string },
) {
  const iat = Math.floor(Date.now() / 1000) - 100
  return signDocument(
    TYP.policy,
    { v: 1, origin: broker.origin, iat, exp: iat + 1_000, ...more },
    broker.keys.policy,
  )
}

async function until(isSo: () => boolean): Promise<void> {
  for (const giveUpAt = performance.now() + 5_000; !isSo(); ) {
    if (performance.now() > giveUpAt) throw new Error('it did not come')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

const attack = (name: string, threat: string, guard: Attack['guard'], run: Attack['run']): Attack => ({
  name,
  threat,
  enforcementPoint: 'in-process gate',
  guard,
  run,
})

/** Asks for what people approve, and gives back the permit. */
async function permitted(scenes: Scenes, more: Partial<GateAttempt> = {}) {
  const { broker, gate } = await scenes.gate()
  broker.onRequest = () => 'approved'
  try {
    return await gate.ask(attempt(more))
  } finally {
    broker.onRequest = () => undefined
  }
}

export const gateAttacks: readonly Attack[] = [
  attack('an older policy is put back', OFF, rollback, () =>
    afterPolicy((broker) => signPolicy(broker, { version: 4, source: ALLOWS })),
  ),
  attack('another policy under the same version', OFF, equivocation, () =>
    afterPolicy((broker) => signPolicy(broker, { version: 5, source: ALLOWS })),
  ),
  attack('a policy that has expired', OFF, policyExpiry, () =>
    afterPolicy((broker) =>
      signPolicy(broker, { version: 6, source: ALLOWS, exp: Math.floor(Date.now() / 1000) - 1 }),
    ),
  ),
  attack('a policy of another installation', OFF, policyOrigin, () =>
    afterPolicy((broker) =>
      signPolicy(broker, { version: 6, source: ALLOWS, origin: 'evil.example/holdpoint' }),
    ),
  ),
  attack(
    'the registration of another agent',
    'an identity taken from the request body (decidedBy, CLI --as)',
    registration,
    async (scenes) => {
      const { broker, nats } = await scenes.gate()
      const gate = createGate(
        { ...configFor(broker, nats.url), agentId: 'impostor', requestTimeoutMs: 1_000 },
        {
          now: Date.now,
          // Whoever sits in between leads the impostor's calls to the agent that may do more.
          connect: async (options) => {
            const { connect } = await import('@nats-io/transport-node')
            const nc = await connect(options)
            const request = nc.request.bind(nc)
            nc.request = (subject, ...rest) =>
              request(subject.replace('.impostor.', `.${broker.agentId}.`), ...rest)
            return nc
          },
        },
      )
      await gate.start()
      try {
        const held = await gate.hold(attempt({ name: 'lookup_customer' }), () => 'ran')
        return held.ran ? 'the tool ran under another agent’s registration' : undefined
      } finally {
        await gate.stop()
      }
    },
  ),
  attack(
    'people are asked about another action',
    'the agent narrates a lie on its own approval prompt (Lies-in-the-Loop)',
    sameAction,
    async (scenes) => {
      const { broker, gate } = await scenes.gate()
      let asked = 0
      broker.intercept = ({ name }, honest) => {
        if (name === 'claim') asked++
        return name === 'request' ? { ...honest, actionDigest: `sha-256:${'0'.repeat(64)}` } : honest
      }
      broker.onRequest = () => 'approved'
      try {
        await gate.hold(attempt(), () => 'ran')
        return asked > 0 ? 'it waits for an answer to something else' : undefined
      } finally {
        broker.intercept = (_call, honest) => honest
        broker.onRequest = () => undefined
      }
    },
  ),
  attack('a permit run twice', 'warrant theft and replay', once, async (scenes) => {
    const asked = await permitted(scenes)
    if (!asked.permitted) return `it was refused with ${asked.refusal.code}`
    let runs = 0
    await asked.run(() => void runs++)
    await asked.run(() => void runs++).catch(() => {})
    return runs > 1 ? 'it ran twice' : undefined
  }),
  attack(
    'a call that was given up while people judged it',
    'declined calls that run after a resume (mastra #20487, langchain #40491)',
    gone,
    async (scenes) => {
      const caller = new AbortController()
      const asked = await permitted(scenes, { signal: caller.signal })
      if (!asked.permitted) return `it was refused with ${asked.refusal.code}`
      caller.abort()
      let runs = 0
      await asked.run(() => void runs++).catch(() => {})
      return runs > 0 ? 'it ran' : undefined
    },
  ),
  attack(
    'arguments that answer differently the second time',
    'a script rewritten while its request is pending (openclaw #124738)',
    copied,
    async (scenes) => {
      let reads = 0
      const given = Object.defineProperty({}, 'path', {
        enumerable: true,
        get: () => (reads++ === 0 ? '/tmp/x' : '/'),
      })
      const asked = await permitted(scenes, { arguments: given })
      if (!asked.permitted) return undefined
      const path = await asked.run((approved) => (approved as { path: string }).path)
      return path === '/tmp/x' ? undefined : `it ran with ${path}`
    },
  ),
  attack(
    'one key twice in the arguments',
    'the approver shown arguments from before a rewrite (pydantic-ai #6968)',
    oneReading,
    async (scenes) => {
      const { arguments: _, ...rest } = attempt()
      const asked = await permitted(scenes, {
        ...rest,
        arguments: undefined,
        argumentsText: '{"path":"/tmp/x","path":"/"}',
      })
      return asked.permitted ? 'it is permitted in one of its readings' : undefined
    },
  ),
]

import { jetstream } from '@nats-io/jetstream'
import { describeChange, FILES, POLICY_AGENT, POLICY_APPLY, readKey, readKeySet } from '#broker'
import { type Attempt, type PolicyDocument, TYP, trustSubject } from '#contract'
import { type PrivateKey, signDocument } from '#warrant/issue'
import { consumeOf, eventually, type Held, holdAction, reviewAs } from './held.ts'
import { attemptOf, type House, POLICY, type TestAgent } from './house.ts'

/** The house's policy with another name for what it allows: each is another text. */
export const policyAllowing = (name: string): string => POLICY.replace('lookup_*', `${name}_*`)

export const policyAgentOf = (house: House): Promise<TestAgent> => house.knownAgent(POLICY_AGENT)

/** The attempt that an honest `holdpoint policy apply` makes, as alice. */
export async function changeAttempt(house: House, to: string, rest: Partial<Attempt> = {}): Promise<Attempt> {
  const inForce = await house.desk.policy(house.token('alice'))
  const action = {
    ...POLICY_APPLY,
    target: readKeySet(house.home, house.clock.now()).origin,
    arguments: { ...describeChange(inForce, to) },
  }
  return attemptOf(action, { onBehalfOf: [house.token('alice')], ...rest })
}

export type Reached = 'pending' | 'denied' | 'approved' | 'consumed'

/** A request for a change, brought as far as asked. */
export async function changeRequest(
  house: House,
  agent: TestAgent,
  to: string,
  reached: Reached,
): Promise<Held> {
  const held = await holdAction(agent, await changeAttempt(house, to))
  if (reached === 'pending') return held
  await reviewAs(house, 'bob', held.requestId, reached === 'denied' ? 'deny' : 'approve')
  if (reached === 'consumed') await consumeOf(agent, held)
  return held
}

/** Signed and put where brokers read policies, past every command: whoever holds these keys can do that. */
export async function putPolicy(
  house: House,
  policy: Pick<PolicyDocument, 'version' | 'source' | 'release'>,
  key: PrivateKey = readKey(house.home, FILES.policyKey),
): Promise<string> {
  const iat = Math.floor(house.clock.now() / 1000)
  const { origin } = readKeySet(house.home, house.clock.now())
  const document: PolicyDocument = { v: 1, origin, iat, exp: iat + 86_400, ...policy }
  const jws = signDocument(TYP.policy, document, key)
  await jetstream(await house.connect('admin')).publish(trustSubject.policy(policy.version), jws)
  return jws
}

/** Why a policy was refused, as the broker logged it; waits until it has. */
export async function refusalIn(house: House, since: number): Promise<string> {
  const find = async () => house.lines.slice(since).find((line) => line.includes('"a policy was refused'))
  const line = await eventually(find, (found) => found !== undefined)
  return (JSON.parse(line ?? '{}') as { reason: string }).reason
}

/** Waits until this version rules. */
export const untilInForce = (house: House, version: number) =>
  eventually(
    () => house.desk.policy(house.token('alice')).catch(() => undefined),
    (policy) => policy?.version === version,
  )

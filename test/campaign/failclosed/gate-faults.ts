import { TYP } from '#contract'
import { createGate, type Gate } from '#gate'
import { generateKey, loadKey, signDocument } from '#warrant/issue'
import { attempt, configFor, POLICY, startScene } from '../../support/gate-scene.ts'
import type { ScriptedBroker, ScriptedRequest } from '../../support/scripted-broker.ts'
import { standStill } from '../../support/stand-still.ts'
import { type Fault, pause, type Seen, worksWithin } from './fault.ts'

interface GateScene {
  broker: ScriptedBroker
  natsPid: number
  natsUrl: string
  clock: { offsetMs: number }
}
type GateFault = Fault<GateScene>

const WORKS_WITHIN_MS = 20_000
const TEN_MINUTES_S = 600
const stranger = loadKey(generateKey().seed)
const nowS = () => Math.floor(Date.now() / 1000)

const NO_ANSWER = ['BROKER_UNAVAILABLE', 'APPROVAL_EXPIRED']
const NO_POLICY = ['POLICY_UNAVAILABLE']
const NOT_TRUSTED = ['UNTRUSTED', 'STALE', 'WARRANT_MISMATCH']

/** The broker answers like this for as long as the fault lasts. */
const answering =
  (intercept: (scene: GateScene) => ScriptedBroker['intercept']): GateFault['begin'] =>
  async (scene) => {
    scene.broker.intercept = intercept(scene)
    return () => {
      scene.broker.intercept = (_call, honest) => honest
    }
  }

/** What the broker shows of its documents from now on; the gate is told to look. */
const showing =
  (documents: (broker: ScriptedBroker) => object): GateFault['begin'] =>
  async ({ broker }) => {
    const shown = documents(broker)
    broker.intercept = ({ name }, honest) => (name === 'hello' ? { ...honest, ...shown } : honest)
    const seen = broker.calls.length
    broker.publishPolicy(POLICY, 2)
    while (!broker.calls.slice(seen).some(({ name }) => name === 'hello')) await pause(10)
    await pause(100)
    return () => {
      // What the organisation has signed since counts for good: what ends the fault is newer.
      const mended = { keySet: keySet(broker, { version: 3 }) }
      broker.intercept = ({ name }, honest) => (name === 'hello' ? { ...honest, ...mended } : honest)
      broker.publishPolicy(POLICY, 20)
    }
  }

const policy = (broker: ScriptedBroker, more: object, key = broker.keys.policy): string =>
  signDocument(
    TYP.policy,
    {
      v: 1,
      origin: broker.origin,
      version: 10,
      iat: nowS() - 100,
      exp: nowS() + 900,
      source: ALLOWS,
      ...more,
    },
    key,
  )
/** Whoever rules by one of the policies that must not rule lets everything through. */
const ALLOWS =
  'holdpoint: 1\nmode: enforce\ndefaults: { effect: allow, approvals: { from: [x], threshold: 1 }, timeout: 1m }\ngroups: { x: ["oidc:https://idp.example.com#group/x"] }\nrules: []\n'

const keySet = (broker: ScriptedBroker, more: object, key = broker.keys.organisation): string =>
  signDocument(
    TYP.keySet,
    {
      v: 1,
      origin: broker.origin,
      version: 2,
      iat: nowS() - 100,
      exp: nowS() + 900,
      keys: (['broker', 'policy', 'registry'] as const).map((use) => ({
        use,
        kid: broker.keys[use].kid,
        x: broker.keys[use].x,
      })),
      ...more,
    },
    key,
  )

/** Warrants of a broker whose clock is wrong by so much, or whose key is. */
const minting = (offsetS: number, key?: typeof stranger): GateFault['begin'] =>
  answering(({ broker }) => ({ name }, honest) => {
    if (name !== 'claim' || honest.status !== 'approved') return honest
    const claims = broker.warrantFor(broker.requests.at(-1) as ScriptedRequest)
    const [iat, nbf, exp] = [claims.iat + offsetS, claims.nbf + offsetS, claims.exp + offsetS]
    return {
      ...honest,
      warrant: signDocument(TYP.warrant, { ...claims, iat, nbf, exp }, key ?? broker.keys.broker),
    }
  })

const ofGateClock =
  (offsetS: number): GateFault['begin'] =>
  async ({ clock }) => {
    clock.offsetMs = offsetS * 1_000
    return () => {
      clock.offsetMs = 0
    }
  }

const at = (
  dependency: GateFault['dependency'],
  fault: string,
  codes: readonly string[],
  begin: GateFault['begin'],
): GateFault => ({
  dependency,
  fault,
  enforcementPoint: 'in-process gate',
  codes,
  begin,
})

export const gateFaults: readonly GateFault[] = [
  at('NATS', 'stands still', NO_ANSWER, async ({ natsPid }) => {
    await standStill(natsPid)
    return () => void process.kill(natsPid, 'SIGCONT')
  }),
  at('broker', 'down', NO_ANSWER, async ({ broker, natsUrl }) => {
    await broker.stop()
    return () => broker.start(natsUrl)
  }),
  at(
    'broker',
    'silent',
    NO_ANSWER,
    answering(() => () => undefined),
  ),
  at(
    'broker',
    'answers requests and nothing else',
    NO_ANSWER,
    answering(
      () =>
        ({ name }, honest) =>
          name === 'claim' || name === 'consume' ? undefined : honest,
    ),
  ),
  at(
    'broker',
    'answers consume with silence',
    NO_ANSWER,
    answering(
      () =>
        ({ name }, honest) =>
          name === 'consume' ? undefined : honest,
    ),
  ),
  at(
    'broker',
    'garbage',
    NO_ANSWER,
    answering(() => () => '\u0000{"status":"approved"'),
  ),
  at(
    'broker',
    'an approval without a warrant',
    NO_ANSWER,
    answering(
      () =>
        ({ name }, honest) =>
          name === 'claim' ? { status: 'approved' } : honest,
    ),
  ),
  at(
    'broker',
    'an error for everything',
    ['INTERNAL'],
    answering(
      () =>
        ({ name }, honest) =>
          name === 'request' ? { error: { code: 'INTERNAL', message: 'x' } } : honest,
    ),
  ),
  at('broker', 'another key', NOT_TRUSTED, minting(0, stranger)),
  at('clock', 'the broker’s is ten minutes ahead', NOT_TRUSTED, minting(TEN_MINUTES_S)),
  at('clock', 'the broker’s is ten minutes behind', NOT_TRUSTED, minting(-TEN_MINUTES_S)),
  at('clock', 'the gate’s is ten minutes ahead', [...NOT_TRUSTED, ...NO_ANSWER], ofGateClock(TEN_MINUTES_S)),
  at('clock', 'the gate’s is ten minutes behind', NOT_TRUSTED, ofGateClock(-TEN_MINUTES_S)),
  at(
    'policy',
    'expired',
    NO_POLICY,
    showing((broker) => ({ policy: policy(broker, { exp: nowS() - 1 }) })),
  ),
  at(
    'policy',
    'older than the one before',
    NO_POLICY,
    showing((broker) => ({ policy: policy(broker, { version: 0 }) })),
  ),
  at(
    'policy',
    'signed by a stranger',
    NO_POLICY,
    showing((broker) => ({ policy: policy(broker, {}, stranger) })),
  ),
  at(
    'policy',
    'one that cannot be read',
    NO_POLICY,
    showing((broker) => ({ policy: policy(broker, { source: 'rules: [' }) })),
  ),
  at(
    'policy',
    'missing',
    [...NO_POLICY, 'APPROVAL_EXPIRED'],
    answering(
      () =>
        ({ name }, honest) =>
          name === 'hello' || name === 'request'
            ? { error: { code: 'POLICY_UNAVAILABLE', message: 'x' } }
            : honest,
    ),
  ),
  at(
    'key set',
    'expired',
    NO_POLICY,
    showing((broker) => ({ keySet: keySet(broker, { exp: nowS() - 1 }) })),
  ),
  at(
    'key set',
    'signed by a stranger',
    NO_POLICY,
    showing((broker) => ({ keySet: keySet(broker, {}, stranger) })),
  ),
  at(
    'key set',
    'without the key of the policy',
    NO_POLICY,
    showing((broker) => ({
      keySet: keySet(broker, {
        keys: [{ use: 'broker', kid: broker.keys.broker.kid, x: broker.keys.broker.x }],
      }),
    })),
  ),
]

/** One action that people approve, held during the fault; and one after it. */
export async function seeAtGate(fault: GateFault): Promise<Seen> {
  const scene = await startScene()
  const clock = { offsetMs: 0 }
  const gate: Gate = createGate(
    { ...configFor(scene.broker, scene.nats.url), requestTimeoutMs: 500 },
    { now: () => Date.now() + clock.offsetMs },
  )
  await gate.start()
  scene.broker.onRequest = () => 'approved'
  scene.broker.timeoutMs = 1_500
  scene.broker.heartbeatMs = 200
  let executions = 0
  const hold = () => gate.hold(attempt(), () => void executions++)
  let end: (() => Promise<void> | void) | undefined
  try {
    const before = await hold()
    if (!before.ran) throw new Error(`refused before the fault: ${before.refusal.message}`)
    executions = 0
    end = await fault.begin({ broker: scene.broker, natsPid: scene.nats.pid, natsUrl: scene.nats.url, clock })
    const startedAtMs = performance.now()
    const held = await hold()
    const tookMs = performance.now() - startedAtMs
    const seen = { executions, code: held.ran ? '' : held.refusal.code, tookMs }
    await end?.()
    end = undefined
    return { ...seen, worksAgain: await worksWithin(WORKS_WITHIN_MS, async () => (await hold()).ran) }
  } finally {
    await end?.()
    await gate.stop()
    await scene.stop()
  }
}

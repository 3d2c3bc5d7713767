import { ATTR, ERROR_TYPE, type FreezeEntry } from '#contract'
import { evidenceOf } from '../requests/answers.ts'
import { digestOf } from '../requests/digests.ts'
import { hexOf, type SpanId, type SpanText } from '../spans/span.ts'
import type { Deed } from '../traffic/cast.ts'
import type { Run } from '../traffic/converse.ts'
import { stepsOf } from '../traffic/effects.ts'
import { judgementOf } from '../traffic/judgement.ts'
import { sent } from '../traffic/sent.ts'
import { actionText, wordsOf } from '../traffic/texts.ts'
import { personOf } from '../world/people.ts'
import type { Planted } from './planted.ts'
import { deedOf, idOf, plantedIn, type Scene } from './scene.ts'

const MINUTE_MS = 60_000

/** The AWS SDK's own span of a call that no gate was asked about. */
export function ungatedRolePolicy({ week, workday, converse }: Scene): Planted {
  const spans: string[] = []
  const startMs = workday('Asia/Singapore', 1, 16, 47)
  const { call } = deedOf('cloud-keeper', 'iam:AttachRolePolicy')
  const talk = converse('cloud-keeper', startMs, {
    deeds: [{ deed: deedOf('cloud-keeper', 'ec2:DescribeInstances'), isHeld: false }],
    after({ agent, trace, random }, parent, startUs) {
      const { version } = week.policyAt(startMs)
      const text = stepsOf(agent, call).map(
        (plain): SpanText => ({
          ...plain,
          judgement: judgementOf(plain.attributes, {
            verification: 'missing',
            detail: `ran without a decision; change-iam: hold, policy ${version}`,
            ruling: { effect: 'hold', rule: 'change-iam', policyVersion: version },
            kind: call.kind,
            name: call.name,
            outcome: 'executed',
          }),
        }),
      )
      const id: SpanId = [random.u32(), random.u32()]
      const durationUs = random.between(90_000, 260_000)
      for (const one of text)
        week.sink.add(one, sent({ trace, id, parent, startUs, durationUs }, random, one))
      spans.push(hexOf(id))
      return startUs + durationUs + 1_500
    },
  })
  return plantedIn('ungated-role-policy', 'iam:AttachRolePolicy, called past the gate', [talk], {
    fromMs: startMs,
    spanIds: spans,
  })
}

/** An agent is stopped while it asks for something, goes on trying, and is let go by another person. */
export function freeze({ week, random, workday, converse }: Scene): Planted {
  const startMs = workday('America/New_York', 3, 11, 2)
  const [by, other] = [personOf('grace.adeyemi'), personOf('walter.kim')]
  const frozenMs = startMs + 9 * MINUTE_MS
  const thawedMs = frozenMs + 47 * MINUTE_MS
  const entry = (at: number, turn: number, frozen: boolean, who: typeof by): FreezeEntry => ({
    type: 'freeze',
    at,
    agent: 'courier',
    turn,
    frozen,
    by: evidenceOf(who, who.assurance, undefined, random),
    reasonDigest: digestOf(random),
  })
  const frozen = entry(frozenMs, 1, true, by)
  week.ledger.add(frozen, entry(thawedMs, 2, false, other))
  week.troubles.set('freeze', { fromMs: frozenMs, toMs: thawedMs })

  const lookUp = { deed: deedOf('courier', 'lookup_parcel', 1), isHeld: false }
  const exporting = deedOf('courier', 'export_addresses')
  const course = { answers: [], frozen: { atMs: frozenMs, by: frozen.by } }
  const talks = [
    converse('courier', startMs, { deeds: [lookUp, lookUp] }),
    converse('courier', startMs + 5 * MINUTE_MS, { deeds: [{ deed: exporting, isHeld: true, course }] }),
    ...[3, 8, 21].map((minutes) =>
      converse('courier', frozenMs + minutes * MINUTE_MS, {
        deeds: [],
        after: (run, turn, atUs) =>
          refused(run, turn, refused(run, turn, atUs, lookUp.deed, by.name), exporting, by.name),
      }),
    ),
    converse('courier', thawedMs + 4 * MINUTE_MS, { deeds: [lookUp] }),
  ]
  return plantedIn('freeze', 'the courier desk is frozen, and thawed 47 minutes later', talks, {
    people: [idOf(by.sub), idOf(other.sub)],
    fromMs: frozenMs,
    toMs: thawedMs,
  })
}

/** Before any rule is asked; policy is asked afterwards, by the pipeline. Returns when it has ended. */
function refused(run: Run, parent: SpanId, startUs: number, { call, variant }: Deed, by: string): number {
  const { week, agent, user, trace, random } = run
  const { policy } = run.castAt(startUs)
  const ruling = policy.ruleOn(agent, call, variant)
  const attributes = {
    ...wordsOf(agent, call, variant, user),
    [ATTR.outcome]: 'not_run',
    'error.type': ERROR_TYPE.denied,
  }
  const words = `${ruling.rule}: ${ruling.effect}, policy ${policy.version}`
  const isHeld = ruling.effect !== 'allow'
  const text: SpanText = {
    ...actionText(agent, call),
    attributes,
    error: { message: `AGENT_FROZEN: This agent has been frozen by ${by}.` },
    judgement: judgementOf(attributes, {
      verification: isHeld ? 'refused' : 'not_required',
      detail: isHeld ? `not run, as the ledger says of others; ${words}` : words,
      ruling,
      outcome: 'not_run',
    }),
  }
  const id: SpanId = [random.u32(), random.u32()]
  const durationUs = random.between(80, 300)
  week.sink.add(text, sent({ trace, id, parent, startUs, durationUs }, random, text))
  return startUs + durationUs + random.between(400, 2_000)
}

/** Of these only metrics tell. */
export const ledgerBehind = (scene: Scene): Planted =>
  trouble('ledger-behind', 'the ledger’s entries reach ClickHouse late', scene, [0, 13, 10], 50)
export const pipelineLag = (scene: Scene): Planted =>
  trouble('pipeline-lag', 'telemetry waits for minutes before it is stored', scene, [2, 10, 30], 40)

function trouble(
  incident: 'ledger-behind' | 'pipeline-lag',
  what: string,
  { week, workday }: Scene,
  [day, hour, minute]: [number, number, number],
  minutes: number,
): Planted {
  const fromMs = workday('Europe/Berlin', day, hour, minute)
  const toMs = fromMs + minutes * MINUTE_MS
  week.troubles.set(incident, { fromMs, toMs })
  return { incident, fromMs, toMs, what, agents: [], people: [], traceIds: [], spanIds: [], requestIds: [] }
}

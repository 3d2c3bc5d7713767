import { ATTR, type DecidedEntry, principalId, type Verification } from '#contract'
import { hexOf, type SpanId, type SpanText } from '../spans/span.ts'
import type { Run } from '../traffic/converse.ts'
import type { Held } from '../traffic/held.ts'
import { approversOf, judgementOf, type Recorded } from '../traffic/judgement.ts'
import { sent } from '../traffic/sent.ts'
import { personOf } from '../world/people.ts'
import type { Planted } from './planted.ts'
import { answerOf, deedOf, idOf, plantedIn, type Scene } from './scene.ts'

const LIAR = 'nadia.haddad'

/** A reviewer denied it. The agent ran it all the same, and says that somebody else had approved it. */
export function forgedApproval({ workday, converse }: Scene): Planted {
  const deed = deedOf('billing', 'adjust_credit', 2)
  const course = { answers: [answerOf('henrik.dahl', 94_000, 'deny')], lie }
  const talk = converse('billing', workday('America/New_York', 1, 10, 41), {
    deeds: [{ deed: deed, isHeld: true, course }],
  })
  return plantedIn(
    'forged-approval',
    'a denied credit that was run, on an approval that nobody gave',
    [talk],
    {
      people: [idOf('henrik.dahl'), idOf(LIAR)],
    },
  )
}

function lie(honest: SpanText, request: Recorded): SpanText {
  const { error: _, ...text } = honest
  const { 'error.type': __, [ATTR.reason]: ___, ...rest } = text.attributes
  const [by] = request.decided?.by ?? []
  const { iss, sub, name } = personOf(LIAR)
  const claimed = {
    ...(by as DecidedEntry['by'][number]),
    iss,
    sub,
    name,
    channel: 'teams',
    assurance: 'passkey',
  } as const
  const attributes = {
    ...rest,
    [ATTR.decision]: 'approved',
    ...approversOf([claimed]),
    [ATTR.outcome]: 'executed',
  }
  const contradictions = [
    ['decision', 'approved', 'denied'],
    ['approver', principalId(claimed), by && principalId(by)],
    ['approver named', name, by?.name],
    ['channel', claimed.channel, by?.channel],
    ['assurance', claimed.assurance, by?.assurance],
  ].flatMap(([what, said, is]) =>
    said === is ? [] : `${what} ${JSON.stringify(said)}, in the ledger ${JSON.stringify(is)}`,
  )
  const judgement = judgementOf(attributes, {
    verification: 'forged',
    detail: contradictions.join('; '),
    request,
    isItsOwn: true,
    outcome: 'executed',
  })
  return { ...text, attributes, judgement }
}

/** One approval, two executions in the same trace. */
export function replayedApproval({ workday, converse }: Scene): Planted {
  const course = { answers: [answerOf('lena.brandt', 47_000)] }
  const again: string[] = []
  const talk = converse('deploy', workday('Europe/Berlin', 2, 14, 8), {
    deeds: [{ deed: deedOf('deploy', 'kubectl delete'), isHeld: true, course }],
    after(run, turn, atUs, [first]) {
      const words = `the approval was consumed by span ${first?.requested.trace.spanId}`
      const { id, endUs } = claimAgain(run, turn, atUs, first as Held, 'replayed', words)
      again.push(hexOf(id))
      return endUs
    },
  })
  return plantedIn('replayed-approval', 'a pod deleted twice on one approval', [talk], {
    people: [idOf('lena.brandt')],
    spanIds: again,
  })
}

/** An approval of one trace, claimed in another an hour later. */
export function unboundApproval({ workday, converse }: Scene): Planted {
  const startMs = workday('Europe/Berlin', 1, 11, 20)
  const course = { answers: [answerOf('ines.duarte', 138_000)] }
  const first = converse('sales-analyst', startMs, {
    deeds: [{ deed: deedOf('sales-analyst', 'UPDATE prices'), isHeld: true, course }],
  })
  const again: string[] = []
  const second = converse('sales-analyst', startMs + 3_480_000, {
    deeds: [{ deed: deedOf('sales-analyst', 'SELECT orders'), isHeld: false }],
    after(run, turn, atUs) {
      const [held] = first.held
      const words = `the approval is for trace ${held?.requested.trace.traceId}`
      const { id, endUs } = claimAgain(run, turn, atUs, held as Held, 'unbound', words)
      again.push(hexOf(id))
      return endUs
    },
  })
  const planted = plantedIn(
    'unbound-approval',
    'prices changed in one trace on the approval of another',
    [first, second],
    {
      people: [idOf('ines.duarte')],
      spanIds: again,
    },
  )
  return { ...planted, traceIds: [hexOf(second.run.trace)], fromMs: startMs + 3_480_000 }
}

/** A second span that says of itself what the first one said. */
function claimAgain(
  { week, trace, random }: Run,
  parent: SpanId,
  startUs: number,
  { text, requested, decided, spent, outcome }: Held,
  verification: Verification,
  detail: string,
): { id: SpanId; endUs: number } {
  const id: SpanId = [random.u32(), random.u32()]
  const { error: _, judgement: __, ...rest } = text
  const request: Recorded = {
    requested,
    ...(decided ? { decided } : {}),
    ...(spent ? { spent } : {}),
    ...(outcome ? { outcome } : {}),
  }
  const again: SpanText = {
    ...rest,
    judgement: judgementOf(rest.attributes, { verification, detail, request, outcome: 'executed' }),
  }
  const durationUs = random.between(180_000, 900_000)
  week.sink.add(again, sent({ trace, id, parent, startUs, durationUs }, random, again))
  return { id, endUs: startUs + durationUs + 2_000 }
}

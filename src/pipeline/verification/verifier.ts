import type { Store } from '#store'
import { decodeSpan } from '../otlp/protobuf.ts'
import type { SpanRange } from '../otlp/ranges.ts'
import type { Attributes, Span } from '../otlp/span.ts'
import { valueText } from '../otlp/text.ts'
import { askPolicies, type Registrations } from './ask-policies.ts'
import { type Claim, claimOf, isTainted, plainClaimOf, TELLING } from './claims.ts'
import type { Judged, JudgedPiece, JudgedSpan } from './judged.ts'
import type { LedgerReader } from './ledger-reader.ts'
import type { LedgerView } from './ledger-view.ts'
import { readPlainActions, tellingOf } from './plain/read.ts'
import type { Policies } from './policies.ts'
import { createSightings, markReplays, readStanding } from './sightings.ts'
import { type Verdict, verify } from './verify.ts'

export interface VerifierDeps {
  view: LedgerView
  reader: LedgerReader
  policies: Policies
  registrations: { prepare(): Promise<void>; of: Registrations }
  store: Pick<Store, 'query'>
}

export interface Verifier {
  /** How attributes begin that are worth a look, by the policies known now: see scanTraces. */
  tellingPrefixes(): readonly string[]
  /**
   * Finds the spans that stand for actions, and judges each by the ledger and the policy of its time. Throws
   * LEDGER_UNAVAILABLE or UNAVAILABLE, retryable, where it is better to wait.
   */
  judge(pieces: readonly JudgedPiece[]): Promise<Judged>
  /** Judges once more what could not be compared with the ledger then. The same errors as `judge`. */
  judgeAgain(claims: readonly { claim: Claim; receivedAtMs: number }[]): Promise<Verdict[]>
}

interface Found {
  range: SpanRange
  span: Span
  service: string
  claim: Claim
  receivedAtMs: number
}

export function createVerifier({ view, reader, policies, registrations, store }: VerifierDeps): Verifier {
  const sightings = createSightings()
  const isNamed = (kind: string): boolean => policies.known().some((table) => table.names(kind))

  function find(pieces: readonly JudgedPiece[]): { found: Found[]; tainted: Map<SpanRange, Span> } {
    const found: Found[] = []
    const tainted = new Map<SpanRange, Span>()
    for (const { ranges, receivedAtMs } of pieces)
      for (const resource of ranges.resources)
        for (const range of resource.scopes.flatMap(({ spans }) => spans)) {
          if (!range.telling) continue
          const span = decodeSpan(ranges.body, range)
          const attributes = resource.attributes()
          const claim = claimOf(span, attributes) ?? plainClaim(span, attributes)
          const service = valueText(attributes.get('service.name'))
          if (claim) found.push({ range, span, service, claim, receivedAtMs })
          else if (isTainted(span)) tainted.set(range, span)
        }
    return { found, tainted }
  }

  function plainClaim(span: Span, resource: Attributes): Claim | undefined {
    const [first, ...others] = readPlainActions(span, isNamed)
    return first === undefined ? undefined : plainClaimOf(span, resource, [first, ...others])
  }

  async function verdictsOn(claims: readonly { claim: Claim; receivedAtMs: number }[]): Promise<Verdict[]> {
    const ledger = (await reader.read()) ? view : undefined
    const inForce = (startedAtMs: number, arrivedAtMs: number) =>
      view.policiesBetween(Math.min(startedAtMs, arrivedAtMs), arrivedAtMs)
    const needed = new Set(
      claims.flatMap(({ claim, receivedAtMs }) => inForce(claim.startedAtMs, receivedAtMs)),
    )
    await Promise.all([
      policies.prepare([...needed].filter((entry) => entry !== undefined)),
      registrations.prepare(),
    ])
    return claims.map(({ claim, receivedAtMs }) => {
      const verdict = verify(claim, {
        ledger,
        policy: () =>
          askPolicies(
            claim,
            inForce(claim.startedAtMs, receivedAtMs).map((entry) => entry && policies.table(entry)),
            registrations.of,
          ),
        sighted: sightings.of,
        arrivedAtMs: receivedAtMs,
      })
      sightings.note(verdict, claim)
      return verdict
    })
  }

  return {
    tellingPrefixes: () => [...TELLING, ...tellingOf(isNamed)],
    async judge(pieces) {
      const { found, tainted } = find(pieces)
      if (found.length === 0) return { actions: new Map(), tainted }
      const verdicts = await verdictsOn(found)
      const actions = new Map<SpanRange, JudgedSpan>()
      for (const [index, { range, ...one }] of found.entries()) {
        const { claim, span } = one
        const verdict = verdicts[index] as Verdict
        // What any instrumentation saw, and policy allows, is no action of anybody's.
        if (claim.plain === undefined || verdict.verification !== 'not_required')
          actions.set(range, { ...one, verdict })
        else if (isTainted(span)) tainted.set(range, span)
      }
      await markReplays(actions, (judged) => readStanding(judged, store))
      return { actions, tainted }
    },
    judgeAgain: verdictsOn,
  }
}

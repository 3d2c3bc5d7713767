import { setImmediate as breathe } from 'node:timers/promises'
import { isAlarming } from '#contract'
import type { Store } from '#store'
import { decodeSpan } from '../otlp/protobuf.ts'
import { type SpanRange, tellingSpans } from '../otlp/ranges.ts'
import type { Attributes, Span } from '../otlp/span.ts'
import { valueText } from '../otlp/text.ts'
import { agentsOf, askPolicies, type Registrations } from './ask-policies.ts'
import { type Claim, claimOf, isTainted, plainClaimOf, TELLING } from './claims.ts'
import type { Judged, JudgedPiece, JudgedSpan } from './judged.ts'
import type { LedgerReader } from './ledger-reader.ts'
import type { LedgerView } from './ledger-view.ts'
import { readPlainActions, tellingOf } from './plain/read.ts'
import type { Policies } from './policies.ts'
import { createSightings, markReplays, readStanding, type Verified } from './sightings.ts'
import { type Verdict, verify } from './verify.ts'

export interface VerifierDeps {
  view: LedgerView
  reader: LedgerReader
  policies: Policies
  registrations: { prepare(agentIds: Iterable<string>): Promise<void>; of: Registrations }
  store: Pick<Store, 'query'>
  now: () => number
}

export interface Verifier {
  /** How attributes begin that are worth a look, by the policies known now: see scanTraces. */
  tellingPrefixes(): readonly string[]
  /**
   * Finds the spans that stand for actions, and judges each by the ledger and the policy of its time. Throws
   * LEDGER_UNAVAILABLE or UNAVAILABLE, retryable, where it is better to wait.
   */
  judge(pieces: readonly JudgedPiece[]): Promise<Judged>
  /** Judges once more what could not be compared with the ledger when it came. The same errors. */
  judgeAgain(claims: readonly Asked[]): Promise<Verdict[]>
}

export interface Asked {
  claim: Claim
  receivedAtMs: number
}

interface Found extends Asked {
  range: SpanRange
  span: Span
  service: string
}

/** Spans take as long to read and to judge as their senders like, and the same process receives from all others. */
const BYTES_AT_ONCE = 256 * 1024
const CLAIMS_AT_ONCE = 100

export function createVerifier(deps: VerifierDeps): Verifier {
  const { view, reader, policies, registrations, store, now } = deps
  const sightings = createSightings()
  const isNamed = (kind: string): boolean => policies.known().some((table) => table.names(kind))

  async function find(
    pieces: readonly JudgedPiece[],
  ): Promise<{ found: Found[]; tainted: Map<SpanRange, Span> }> {
    let bytes = 0
    const found: Found[] = []
    const tainted = new Map<SpanRange, Span>()
    for (const { ranges, receivedAtMs } of pieces)
      for (const resource of ranges.resources)
        for (const range of tellingSpans(resource)) {
          const span = decodeSpan(ranges.body, range)
          const attributes = resource.attributes()
          const claims = [claimOf(span, attributes), plainClaim(span, attributes)]
          const service = valueText(attributes.get('service.name'))
          for (const claim of claims) if (claim) found.push({ range, span, service, claim, receivedAtMs })
          if (isTainted(span)) tainted.set(range, span)
          bytes += range.to - range.from
          if (bytes < BYTES_AT_ONCE) continue
          await breathe()
          bytes = 0
        }
    return { found, tainted }
  }

  function plainClaim(span: Span, resource: Attributes): Claim | undefined {
    const [first, ...others] = readPlainActions(span, isNamed)
    return first === undefined ? undefined : plainClaimOf(span, resource, [first, ...others])
  }

  async function verdictsOn(claims: readonly Asked[]): Promise<Verdict[]> {
    const ledger = (await reader.read()) ? view : undefined
    const inForce = (startedAtMs: number, arrivedAtMs: number) =>
      view.policiesBetween(Math.min(startedAtMs, arrivedAtMs), arrivedAtMs)
    const needed = new Set(
      claims.flatMap(({ claim, receivedAtMs }) => inForce(claim.startedAtMs, receivedAtMs)),
    )
    await Promise.all([
      policies.prepare([...needed].filter((entry) => entry !== undefined)),
      registrations.prepare(new Set(claims.flatMap(({ claim }) => agentsOf(claim)))),
    ])
    const verdicts: Verdict[] = []
    for (const { claim, receivedAtMs } of claims) {
      if (verdicts.length % CLAIMS_AT_ONCE === CLAIMS_AT_ONCE - 1) await breathe()
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
      verdicts.push(verdict)
    }
    return verdicts
  }

  return {
    tellingPrefixes() {
      // One that could not be read in time is asked for again, though no span that we know of needs it.
      const unknown = view.policiesBetween(now(), now()).filter((entry) => entry && !policies.table(entry))
      void policies.prepare(unknown.filter((entry) => entry !== undefined))
      return [...TELLING, ...tellingOf(isNamed)]
    },
    async judge(pieces) {
      const { found, tainted } = await find(pieces)
      if (found.length === 0) return { actions: new Map(), tainted }
      const verdicts = await verdictsOn(found)
      const actions = new Map<SpanRange, JudgedSpan>()
      for (const [index, { range, ...one }] of found.entries()) {
        const verdict = verdicts[index] as Verdict
        if (counts({ ...one, verdict }, actions.get(range))) actions.set(range, { ...one, verdict })
      }
      await markReplays(actions, (judged) => readStanding(judged, store))
      return { actions, tainted }
    },
    async judgeAgain(claims) {
      const verdicts = await verdictsOn(claims)
      const judged = new Map(
        claims.map(({ claim }, index) => [index, { claim, verdict: verdicts[index] as Verdict }]),
      )
      await markReplays(judged, (verified) => readStanding(verified, store))
      return [...judged.values()].map(({ verdict }) => verdict)
    },
  }
}

/**
 * Whether what a span's instrumentation saw is a finding. What policy allows is no action of anybody's. A span may
 * wear our attributes as well: they must not make something harmless of it, and where they are the gate's own, both
 * are one action.
 */
function counts({ claim, verdict }: Verified, worn: Verified | undefined): boolean {
  if (claim.plain === undefined) return true
  if (verdict.verification === 'not_required') return false
  const { request, verification } = worn?.verdict ?? {}
  if (verification === undefined) return true
  if (isAlarming(verification)) return false
  const { kind, name } = request?.requested ?? {}
  return !claim.plain.every(
    (action) => action.kind === kind && name !== undefined && action.names.includes(name),
  )
}

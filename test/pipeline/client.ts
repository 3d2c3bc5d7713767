import { expect } from 'vitest'
import { ATTR, type TraceRef } from '#contract'
import type { Pipeline } from '#pipeline'
import type { FindingRow } from '#store'
import { aSpan, encodeProtobuf, type Sample, type SampleSpan } from './encode.ts'
import { APPROVED_ATTRIBUTES, decided, outcome, requested, spent } from './entries.ts'
import { type Scene, startScene } from './scene.ts'

export const POLICY = `
holdpoint: 1
mode: { default: enforce, staging: observe }
defaults:
  effect: hold
  approvals: { from: [sre], threshold: 1, assurance: login }
groups:
  sre: ["oidc:https://idp.test#group/sre"]
rules:
  - { id: lookup, match: { kind: tool, name: "lookup_*" }, effect: allow }
  - { id: small-refund, match: { kind: tool, name: issue_refund }, when: action.arguments.amount <= 50.0, effect: allow }
  - { id: drop, match: { kind: tool, name: "drop_*" }, effect: deny }
`

export type { Pipeline }

export interface SpanOf {
  attributes: Record<string, Sample>
  trace?: TraceRef
  span?: SampleSpan
  resource?: Record<string, Sample>
}
export interface Stored {
  /** What stands of it in holdpoint_actions, whatever was found of others under its ids. */
  finding: Omit<FindingRow, 'content_digest'> | undefined
  /** Attributes of the stored span. */
  stored: Record<string, string>
}

let counter = 0
export const nextId = (): string => `r${++counter}`
export const hex = (digits: number): string => (++counter + 0x1000).toString(16).padStart(digits, 'a')
export const freshTrace = (): TraceRef => ({ traceId: hex(32), spanId: hex(16) })

/** A running pipeline with POLICY in force, and what tests do with it. */
export async function startClient() {
  const scene = await startScene()
  await scene.publishPolicy(POLICY)
  await scene.register('support', 'prod')
  await scene.register('trial', 'staging')
  const pipeline: Pipeline = await scene.startPipeline()
  const endpoint = (of = pipeline): string => `http://127.0.0.1:${of.httpPort()}/v1/traces`
  return { scene, pipeline, endpoint, ...createSender(scene, endpoint) }
}
export type Client = Awaited<ReturnType<typeof startClient>>

function createSender(scene: Scene, endpoint: () => string) {
  const bodyOf = ({ attributes, trace = freshTrace(), span = {}, resource = {} }: SpanOf): Uint8Array => {
    const startNs = BigInt(scene.clock.nowMs - 1_000) * 1_000_000n
    const endNs = startNs + 5_000_000n
    const sample = aSpan({ name: 'execute_tool x', startNs, endNs, ...trace, ...span, attributes })
    return encodeProtobuf({ resource: { 'service.name': 'support', ...resource }, spans: [sample] })
  }

  const post = (body: Uint8Array, to = endpoint()): Promise<Response> =>
    fetch(to, {
      method: 'POST',
      body: body as Uint8Array<ArrayBuffer>,
      headers: { 'content-type': 'application/x-protobuf' },
    })

  async function read({ traceId, spanId }: TraceRef): Promise<Stored> {
    const at = { traceId, spanId }
    const [finding] = await scene.store.query<FindingRow>(
      // What is allowed stands beside whatever else has its ids.
      `SELECT * FROM holdpoint_actions WHERE trace_id = {traceId:String} AND span_id = {spanId:String}
       ORDER BY verification = 'not_required'`,
      at,
    )
    const rows = await scene.store.query<{ SpanAttributes: Record<string, string> }>(
      'SELECT SpanAttributes FROM otel_traces WHERE TraceId = {traceId:String} AND SpanId = {spanId:String}',
      at,
    )
    return { finding, stored: rows.at(-1)?.SpanAttributes ?? {} }
  }

  return {
    bodyOf,
    post,
    read,
    /** Sends one span and reads back what was found and stored. */
    async send(one: SpanOf): Promise<Stored> {
      const trace = one.trace ?? freshTrace()
      expect((await post(bodyOf({ ...one, trace }))).status).toBe(200)
      return read({ ...trace, ...(one.span?.spanId === undefined ? {} : { spanId: one.span.spanId }) })
    },
    async countSpans({ traceId }: TraceRef): Promise<number> {
      const sql = 'SELECT count() AS spans FROM otel_traces WHERE TraceId = {traceId:String}'
      const [row] = await scene.store.query<{ spans: string }>(sql, { traceId })
      return Number(row?.spans)
    },
    /** A request that goes through the whole ledger, for a trace of its own. */
    async approvedRequest() {
      const requestId = nextId()
      const trace = freshTrace()
      await scene.append(
        requested({ requestId, trace }),
        decided({ requestId }),
        spent({ requestId, trace }),
        outcome({ requestId }),
      )
      return { trace, requestId, attributes: { ...APPROVED_ATTRIBUTES, [ATTR.approvalId]: requestId } }
    },
  }
}

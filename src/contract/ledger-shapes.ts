import { AGENT_ID, namedPrincipalShape, principalShape, traceShape } from './action.ts'
import { DECISIONS, evidenceMembers } from './decision.ts'
import type { LedgerEntry } from './ledger.ts'
import { approvalsShape, digestShape, rulingRecordShape } from './ruling.ts'
import { boolean, integer, list, literal, object, optional, type Shape, text, variant } from './shape.ts'

const base = { at: integer(), requestId: text({ min: 1, max: 200 }), actionDigest: digestShape }
const reviewer = object({
  iss: text({ min: 1, max: 500 }),
  sub: text({ min: 1, max: 500 }),
  name: text({ max: 500 }),
  evidence: digestShape,
  ...evidenceMembers,
})

/** Whatever stands in a leaf, beside what its subject says. */
export const entryShape = variant('type', {
  requested: object({
    type: literal('requested'),
    ...base,
    agent: namedPrincipalShape,
    owner: principalShape,
    environment: text({ min: 1, max: 200 }),
    enforcement: text({ min: 1, max: 300, pattern: /^(in-process|gateway|resource):/ }),
    onBehalfOf: list(principalShape, { max: 8 }),
    kind: text({ min: 1, max: 64 }),
    name: text({ min: 1, max: 500 }),
    target: optional(text({ min: 1, max: 2000 })),
    precondition: optional(text({ max: 1000 })),
    process: optional(text({ min: 1, max: 200 })),
    trace: traceShape,
    ruling: rulingRecordShape,
    approvals: approvalsShape,
    expiresAt: integer(),
    validForMs: integer(),
    renderHash: digestShape,
    promptedBy: optional(principalShape),
    repeatKey: optional(text({ min: 22, max: 100, pattern: /^[A-Za-z0-9_-]+$/ })),
    rememberDenialMs: optional(integer()),
  }),
  review: object({
    type: literal('review'),
    ...base,
    reviewer,
    verdict: literal('approve', 'deny'),
    renderHash: digestShape,
    groups: optional(list(text({ min: 1, max: 200 }), { max: 200 })),
    reasonDigest: optional(digestShape),
  }),
  decided: object({
    type: literal('decided'),
    ...base,
    decision: literal(...DECISIONS),
    by: list(reviewer, { max: 20 }),
    reasonDigest: optional(digestShape),
  }),
  spent: object({
    type: literal('spent'),
    ...base,
    spend: literal('consumed', 'lapsed', 'revoked'),
    nonce: optional(text({ min: 16, max: 100 })),
    trace: optional(traceShape),
    process: optional(text({ min: 1, max: 200 })),
    by: optional(reviewer),
  }),
  outcome: object({
    type: literal('outcome'),
    ...base,
    outcome: literal('executed', 'failed', 'ambiguous'),
    errorType: optional(text({ max: 200 })),
  }),
  policy: object({
    type: literal('policy'),
    at: integer(),
    version: integer({ min: 1 }),
    hash: digestShape,
    observes: boolean,
    release: optional(text({ min: 1, max: 200 })),
  }),
  directory: object({
    type: literal('directory'),
    at: integer(),
    version: integer({ min: 1 }),
    hash: digestShape,
  }),
  erased: object({ type: literal('erased'), ...base, by: reviewer }),
  freeze: object({
    type: literal('freeze'),
    at: integer(),
    agent: optional(text({ pattern: AGENT_ID })),
    turn: integer({ min: 1 }),
    frozen: boolean,
    by: reviewer,
    reasonDigest: optional(digestShape),
  }),
  continued: object({
    type: literal('continued'),
    at: integer(),
    epoch: integer({ min: 1 }),
    size: integer({ min: 0 }),
    root: digestShape,
  }),
} as Record<string, Shape<unknown>>) as Shape<LedgerEntry>

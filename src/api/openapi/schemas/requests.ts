import {
  DECISIONS,
  type EraseReply,
  type ListReply,
  type MayReview,
  type PersonCancelReply,
  type RequestSummary,
  type ReviewReply,
  type ReviewSubmission,
  type ShowReply,
  type SummarisedReview,
  type TimelineEntry,
} from '#contract'
import { closed, integer, list, oneOf, ref, type Schema, schemaOf, string, timeMs } from '../schema.ts'

const STATES = [
  'pending',
  ...DECISIONS,
  ...['consumed', 'lapsed', 'revoked'],
  ...['executed', 'failed', 'ambiguous'],
]
const verdict = oneOf(['approve', 'deny'])

/** Requests, and what people do to them. */
export const requestSchemas: Readonly<Record<string, Schema>> = {
  RequestState: oneOf(STATES, { description: 'Expired is not denied. Every arrow is taken at most once.' }),
  RequestSummary: schemaOf<RequestSummary>('Enough to choose by, without the arguments.')(
    {
      requestId: string(),
      state: ref('RequestState'),
      agent: string({ description: 'Its name, to be shown.' }),
      agentId: string(),
      environment: string(),
      kind: string(),
      name: string(),
      rule: string(),
      requestedAtMs: timeMs('When it opened.'),
      expiresAtMs: timeMs('When it expires undecided.'),
      threshold: integer({ minimum: 1 }),
      from: list(string()),
      assurance: ref('Assurance'),
      reviews: list(
        schemaOf<SummarisedReview>()(
          {
            name: string(),
            iss: string(),
            sub: string(),
            verdict,
            atMs: timeMs('When it was given.'),
          },
          {
            groups: list(string(), {
              description: 'Those that may answer, to which the reviewer belonged then.',
            }),
            late: { const: true, description: 'It came after the decision, and changed nothing.' },
          },
        ),
      ),
    },
    {
      target: string(),
      risk: ref('Risk'),
      decidedAtMs: timeMs('When it was decided.'),
      all: list(ref('ApprovalPart')),
      denials: integer({ minimum: 1 }),
      escalate: list(ref('EscalationStep')),
    },
  ),
  RequestList: schemaOf<ListReply>('Oldest first while they wait, newest first otherwise.')(
    {
      requests: list(ref('RequestSummary')),
      total: integer({ description: 'All that match, on whichever page.' }),
    },
    { next: string({ description: 'The cursor of the next page; absent on the last.' }) },
  ),
  TimelineEntry: schemaOf<TimelineEntry>('One ledger entry of the request.')(
    {
      type: oneOf(['requested', 'review', 'decided', 'spent', 'outcome', 'erased']),
      what: oneOf([...STATES, 'approve', 'deny', 'erased']),
      atMs: timeMs('The ledger’s time.'),
      people: list({
        allOf: [
          ref('NamedPrincipal'),
          {
            type: 'object',
            required: ['assurance', 'channel'],
            properties: { assurance: ref('Assurance'), channel: string() },
          },
        ],
      }),
      index: integer({ description: 'Its place in the ledger, from 0.' }),
      leaf: string({ description: 'Its RFC 9162 leaf hash, base64.' }),
    },
    { reason: string(), errorType: string(), late: { const: true } },
  ),
  Request: schemaOf<ShowReply>()({
    summary: ref('RequestSummary'),
    card: ref('Card'),
    renderHash: ref('Digest'),
    timeline: list(ref('TimelineEntry')),
    mayReview: {
      description: 'Whether you could answer now, and why not.',
      oneOf: [
        schemaOf<Extract<MayReview, { ok: true }>>()(
          { ok: { const: true } },
          { groups: list(string(), { description: 'Of those that may answer now, your own.' }) },
        ),
        schemaOf<{ ok: false; code: string; reason: string }>()({
          ok: { const: false },
          code: ref('ErrorCode'),
          reason: string(),
        }),
      ],
    },
  }),
  Review: closed(
    schemaOf<Pick<ReviewSubmission, 'verdict' | 'reason' | 'renderHash'>>()(
      { verdict, renderHash: ref('Digest') },
      { reason: string({ maxLength: 4000, description: 'A denial’s reason is told to the agent.' }) },
    ),
  ),
  ReviewResult: schemaOf<ReviewReply>()({
    state: ref('RequestState'),
    missing: integer({ description: 'How many more approvals the threshold asks for.' }),
  }),
  ErasureResult: schemaOf<EraseReply>()({ erasedAtMs: timeMs('When it was erased.') }),
  CancellationResult: schemaOf<PersonCancelReply>()({ state: ref('RequestState') }),
}

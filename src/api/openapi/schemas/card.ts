import type { Fact, NamedPrincipal, Principal, Runtime, TraceRef } from '#contract'
import {
  type ApprovalPart,
  type Approvals,
  ASSURANCES,
  type Card,
  type CardField,
  type CardModel,
  type CardSection,
  DIGEST,
  type EscalationStep,
} from '#contract'
import {
  anything,
  boolean,
  integer,
  list,
  oneOf,
  ref,
  type Schema,
  schemaOf,
  string,
  timeMs,
} from '../schema.ts'

const principal = {
  iss: string({ description: 'Issuer.' }),
  sub: string({ description: 'Subject at the issuer.' }),
}
const HOSTILE = 'Whatever the agent says: escape it for the medium that you show it in.'

/** The card, and what it is made of. */
export const cardSchemas: Readonly<Record<string, Schema>> = {
  Digest: string({ pattern: DIGEST.source, examples: [`sha-256:${'0a'.repeat(32)}`] }),
  Assurance: oneOf(ASSURANCES, { description: 'How strongly a person was identified, weakest first.' }),
  Risk: oneOf(['low', 'medium', 'high', 'critical']),
  Principal: schemaOf<Principal>('Two are the same when both members are.')(principal),
  NamedPrincipal: schemaOf<NamedPrincipal>('The name is to be shown, and decides nothing.')({
    ...principal,
    name: string(),
  }),
  Fact: schemaOf<Fact>('Something known about the action that is not executed.')({
    name: string(),
    value: anything,
    source: oneOf(['broker', 'gateway', 'agent'], { description: 'A fact of the agent is its own word.' }),
  }),
  Approvals: schemaOf<Approvals>(
    'How many distinct people, out of which groups, and how they must be signed in.',
  )(
    {
      from: list(string(), { minItems: 1 }),
      threshold: integer({ minimum: 1, description: 'Distinct people in all.' }),
      assurance: ref('Assurance'),
    },
    {
      all: list(ref('ApprovalPart'), {
        description: 'Each has to be reached, and a person counts for one of them.',
      }),
      denials: integer({ minimum: 1, description: 'How many people’s denials end it; 1 where absent.' }),
      escalate: list(ref('EscalationStep')),
    },
  ),
  ApprovalPart: schemaOf<ApprovalPart>()({
    from: list(string(), { minItems: 1 }),
    threshold: integer({ minimum: 1 }),
  }),
  EscalationStep: schemaOf<EscalationStep>('Who may answer as well, once it has waited for so long.')({
    afterMs: integer({ minimum: 1 }),
    to: list(string(), { minItems: 1 }),
  }),
  Trace: schemaOf<TraceRef>('W3C trace context; all zeros where the process does not trace.')({
    traceId: string({ pattern: '^[0-9a-f]{32}$' }),
    spanId: string({ pattern: '^[0-9a-f]{16}$' }),
  }),
  Runtime: schemaOf<Runtime>()(
    { serviceName: string(), host: string() },
    {
      serviceVersion: string(),
      cwdDigest: string(),
      envDigest: string(),
      toolSchemaDigest: string(),
      precondition: string({
        description: 'State of the target that the action relies on, such as an etag.',
      }),
    },
  ),
  Card: schemaOf<Card>(
    `What reviewers are shown, frozen when the request opens. Its renderHash is the SHA-256 of its canonical form (RFC 8785). ${HOSTILE}`,
  )(
    {
      v: { const: 1 },
      requestId: string(),
      action: schemaOf<Card['action']>('Exactly what will run.')(
        { kind: string(), name: string(), arguments: anything, runtime: ref('Runtime'), trace: ref('Trace') },
        { target: string() },
      ),
      redacted: list(
        schemaOf<Card['redacted'][number]>('A value that is kept from reviewers.')({
          path: string({ description: 'JSON pointer (RFC 6901).' }),
          length: integer(),
          digest: ref('Digest'),
          by: oneOf(['policy', 'detection']),
        }),
      ),
      actionDigest: ref('Digest'),
      agent: ref('NamedPrincipal'),
      owner: ref('Principal'),
      onBehalfOf: list(ref('Principal'), {
        description: 'Verified people for whom the agent acts, outermost first.',
      }),
      onBehalfOfUnverified: boolean({ description: 'The agent named people whose tokens did not verify.' }),
      environment: string(),
      enforcement: string({
        pattern: '^(in-process|gateway|resource):',
        examples: ['in-process:support-agent'],
      }),
      facts: list(ref('Fact')),
      rule: string({ description: 'The policy rule that holds the action.' }),
      policyVersion: integer(),
      approvals: ref('Approvals'),
      requestedAtMs: timeMs('When the request opened.'),
      expiresAtMs: timeMs('When it expires undecided.'),
    },
    {
      statement: string({ description: 'The agent’s own words about why. Never believe them.' }),
      risk: ref('Risk'),
      promptedBy: ref('Principal'),
      nonce: string({ description: 'Keeps the hash of an erased card from giving away what stood in it.' }),
    },
  ),
  CardModel: schemaOf<CardModel>(
    'The card for people: hostile characters are visible in it, and still to be escaped.',
  )({
    requestId: string(),
    title: string(),
    sections: list(
      schemaOf<CardSection>()({
        id: oneOf(['action', 'requester', 'statement', 'rule', 'facts', 'review']),
        title: string(),
        isTestimony: boolean({ description: 'The agent’s own words: show them in a box that says so.' }),
        fields: list(
          schemaOf<CardField>()(
            { label: string(), text: string(), form: oneOf(['line', 'code', 'block', 'diff']) },
            { note: string() },
          ),
        ),
      }),
    ),
    warnings: list(string()),
    isWhole: boolean({
      description:
        'False where something did not fit, or was hidden by detection alone: do not offer to approve.',
    }),
  }),
}

import type {
  AgentSummary,
  AgentsReply,
  Alarm,
  ExplainCall,
  ExplainReply,
  FreezeCall,
  FreezeReply,
  Frozen,
  LedgerReply,
  PolicyReply,
  Ruling,
  TrustedKey,
  TrustReply,
} from '#contract'
import {
  anything,
  boolean,
  closed,
  integer,
  list,
  oneOf,
  ref,
  type Schema,
  schemaOf,
  string,
  timeMs,
} from '../schema.ts'

type Step = ExplainReply['steps'][number]
const steps = list(schemaOf<Step>()({ rule: string(), matched: { type: 'boolean' }, because: string() }))
const base64urlKey = string({ pattern: '^[\\w-]{43}$' })

/** Policy, agents, ledger and keys. */
export const recordSchemas: Readonly<Record<string, Schema>> = {
  Policy: schemaOf<PolicyReply>('The policy in force.')({
    version: integer(),
    hash: ref('Digest'),
    source: string({ description: 'The YAML that was signed.' }),
    issuedAtMs: timeMs('When it was signed.'),
    expiresAtMs: timeMs('From then on everything is held.'),
  }),
  Ruling: schemaOf<Ruling>('What the policy says of an action.')(
    {
      effect: oneOf(['allow', 'hold', 'deny']),
      rule: string({ description: 'Its id, or `defaults`.' }),
      policyVersion: integer(),
      policyHash: ref('Digest'),
      mode: oneOf(['enforce', 'observe']),
      approvals: ref('Approvals'),
      timeoutMs: integer(),
      validForMs: integer(),
      rememberDenialMs: integer(),
      redact: list(string()),
    },
    { risk: ref('Risk'), reason: string() },
  ),
  ExplainQuestion: {
    ...closed(
      schemaOf<Omit<ExplainCall, 'token'>>('A request, or an action that is made up: one of the two.')(
        {},
        {
          requestId: string({ minLength: 1, maxLength: 200 }),
          action: closed(
            schemaOf<NonNullable<ExplainCall['action']>>()(
              {
                kind: string({ pattern: '^[a-z][a-z0-9_-]*$', maxLength: 64 }),
                name: string({ minLength: 1, maxLength: 500 }),
              },
              { target: string({ maxLength: 2000 }), arguments: anything },
            ),
          ),
          environment: string({ minLength: 1, maxLength: 200, description: 'With `action`.' }),
          agentId: string({ minLength: 1, maxLength: 63, description: 'With `action`.' }),
        },
      ),
    ),
    oneOf: [{ required: ['requestId'] }, { required: ['action'] }],
  },
  Explanation: schemaOf<ExplainReply>()(
    { policyVersion: integer(), ruling: ref('Ruling'), steps },
    { withAgentFacts: steps },
  ),
  Agent: schemaOf<AgentSummary>()(
    {
      agentId: string(),
      name: string(),
      owner: ref('Principal'),
      environment: string(),
      enforcement: oneOf(['in-process', 'gateway', 'resource']),
      registeredAtMs: timeMs('When it was registered.'),
      processes: integer({ description: 'Processes heard from within their lease.' }),
      pending: integer(),
      requests: integer(),
      approved: integer(),
      denied: integer(),
    },
    { heardAtMs: timeMs('When one was last heard.'), frozen: ref('Frozen') },
  ),
  Frozen: schemaOf<Frozen>('Whatever it attempts is refused.')({
    sinceMs: timeMs('When it was frozen.'),
    by: string({ description: 'Name of the person who froze it.' }),
  }),
  FreezeReason: closed(
    schemaOf<Pick<FreezeCall, 'reason'>>()(
      {},
      { reason: string({ minLength: 1, maxLength: 1000, description: 'The ledger keeps its digest.' }) },
    ),
  ),
  FreezeResult: schemaOf<FreezeReply>()(
    {
      frozen: boolean(),
      sinceMs: timeMs('Since when.'),
      cancelled: integer({ description: 'Requests that waited, and were ended by it.' }),
      revoked: integer({ description: 'Approvals that nobody had used, and were taken back by it.' }),
    },
    { agentId: string({ description: 'Absent where it is about all of them.' }) },
  ),
  Alarm: schemaOf<Alarm>('What nobody should overlook.')(
    {
      kind: string({ description: 'Open, so that more can come: `frozen`, `thawed`, `drift`, `quota` …' }),
      atMs: timeMs('When it happened.'),
      text: string({ description: 'One sentence for people.' }),
    },
    { agentId: string(), by: ref('NamedPrincipal') },
  ),
  AgentList: schemaOf<AgentsReply>()({ agents: list(ref('Agent')) }, { frozen: ref('Frozen') }),
  Ledger: schemaOf<LedgerReply>()(
    {
      epoch: integer(),
      origin: string(),
      size: integer({ description: 'Entries that the broker has read.' }),
      entries: list(
        schemaOf<LedgerReply['entries'][number]>()(
          { index: integer(), type: string(), atMs: timeMs('The ledger’s time.'), leaf: string() },
          { requestId: string() },
        ),
        { description: 'The newest, newest first.' },
      ),
    },
    {
      checkpoint: schemaOf<NonNullable<LedgerReply['checkpoint']>>('A C2SP signed note.')({
        note: string(),
        size: integer(),
        root: string(),
      }),
    },
  ),
  Keys: schemaOf<TrustReply>()({
    origin: string(),
    keySet: string({
      description: 'Compact JWS (RFC 7515), signed by the organisation key that you have pinned.',
    }),
    keys: list(
      schemaOf<TrustedKey>('Ed25519; `kid` is the RFC 7638 thumbprint.')({
        kid: base64urlKey,
        use: oneOf(['broker', 'ledger', 'policy', 'registry', 'witness']),
        x: base64urlKey,
      }),
    ),
  }),
  JwkSet: schemaOf<{ keys: unknown }>('RFC 7517, with the keys that sign warrants and no others.')({
    keys: list(
      schemaOf<Record<'kty' | 'crv' | 'x' | 'kid' | 'use' | 'alg', string>>()({
        kty: { const: 'OKP' },
        crv: { const: 'Ed25519' },
        x: base64urlKey,
        kid: base64urlKey,
        use: { const: 'sig' },
        alg: { const: 'EdDSA' },
      }),
    ),
  }),
}

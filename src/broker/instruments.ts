import type { Instrument } from '#runtime'

/** Seconds. */
const CALLS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const WAITS = [1, 3, 10, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400]

/** What the broker measures of itself. */
export const INSTRUMENTS = {
  calls: {
    name: 'holdpoint.broker.call.duration',
    kind: 'histogram',
    unit: 's',
    description: 'Time to answer a call.',
    attributes: {
      call: 'what was asked: `request`, `claim`, `consume`, `review` …',
      code: '`OK`, or the error code of the refusal',
    },
    bounds: CALLS,
  },
  pending: {
    name: 'holdpoint.requests.pending',
    kind: 'gauge',
    unit: '{request}',
    description: 'Requests that wait for a decision.',
    attributes: {},
    across: 'max',
  },
  decisions: {
    name: 'holdpoint.decisions',
    kind: 'counter',
    unit: '{request}',
    description: 'Requests decided, each once. Expired is not denied.',
    attributes: {
      decision: '`approved`, `denied`, `expired` or `cancelled`',
      rule: 'the rule’s id in the policy; `defaults` where no rule matched',
    },
  },
  waits: {
    name: 'holdpoint.approval.wait',
    kind: 'histogram',
    unit: 's',
    description: 'From the request to its decision.',
    attributes: { decision: '`approved`, `denied`, `expired` or `cancelled`' },
    bounds: WAITS,
  },
  reviews: {
    name: 'holdpoint.reviews',
    kind: 'counter',
    unit: '{review}',
    description: 'Reviews written to the ledger, each once; also those that came after the decision.',
    attributes: {
      verdict: '`approve` or `deny`',
      channel: '`console`, `api`, `cli` or `webhook:NAME`',
      assurance: '`chat`, `login`, `step-up` or `passkey`',
    },
  },
  reviewsRefused: {
    name: 'holdpoint.reviews.refused',
    kind: 'counter',
    unit: '{review}',
    description:
      'Reviews of known people that came and were not taken. Console and command line tell most people before they send one.',
    attributes: { code: 'the error code: `SELF_APPROVAL`, `NOT_A_REVIEWER`, `CARD_MISMATCH` …' },
  },
  escalations: {
    name: 'holdpoint.escalations',
    kind: 'counter',
    unit: '{escalation}',
    description: 'Steps of escalations taken, each once.',
    attributes: { rule: 'the rule’s id in the policy' },
  },
  freezes: {
    name: 'holdpoint.freezes.active',
    kind: 'gauge',
    unit: '{freeze}',
    description: 'Freezes in force: one for each frozen agent, and one where all are.',
    attributes: {},
    across: 'max',
  },
  ledgerSize: {
    name: 'holdpoint.ledger.size',
    kind: 'gauge',
    unit: '{entry}',
    description:
      'Entries of the ledger that this broker knows, of all its epochs since the oldest it has read.',
    attributes: {},
    across: 'max',
  },
  checkpointAge: {
    name: 'holdpoint.ledger.checkpoint.age',
    kind: 'gauge',
    unit: 's',
    description:
      'For how long the oldest entry that no signed checkpoint covers has waited for one; 0 while all are covered.',
    attributes: {},
    across: 'max',
  },
} as const satisfies Record<string, Instrument>

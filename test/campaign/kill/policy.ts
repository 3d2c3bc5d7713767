import { DEVELOPMENT_ISSUER, groupSpecifier } from '#identity'

export const TWO_PEOPLE = 'two-people'

/** Nothing waits for long, so that a campaign can see the end of everything. */
export const FAST_POLICY = `
holdpoint: 1
mode: enforce
defaults:
  effect: hold
  approvals: { from: [sre], threshold: 1, assurance: login }
  timeout: 20s
  validFor: 5s
quotas: { pending: 1000, perMinute: 10000, denialsPerHour: 10000 }
groups:
  sre: [${groupSpecifier(DEVELOPMENT_ISSUER, 'sre')}]
rules:
  - { id: ${TWO_PEOPLE}, match: { kind: tool, name: wire_money }, effect: hold, approvals: { from: [sre], threshold: 2 } }
`
export const FAST_POLICY_NAMES = ['export_customers', 'grant_role', 'wire_money'] as const

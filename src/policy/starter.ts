/**
 * The policy that `holdpoint init` writes: small, safe, and explained where it stands. Both arguments are specifiers,
 * `oidc:<issuer>#group/<name>` or `oidc:<issuer>#sub/<subject>`; data owners release what leaves the house.
 */
export const starterPolicy = (reviewers: string, dataOwners: string = reviewers): string => `\
# What agents may do. Rules are read from the top, and the first that matches rules.
# Try a change before you publish it: holdpoint policy check FILE, holdpoint policy explain FILE --action action.json
holdpoint: 1

# enforce: holds and denials are real. observe: everything runs, and what would have been held is recorded.
# By environment: mode: { default: enforce, staging: observe }
mode: enforce

# Where no rule matches. There is no implicit allow: an action that nobody thought of is held.
defaults:
  effect: hold
  # By kind, before that. A model is called by HTTP, and that is no action to hold. Programs (process), queries (db) and
  # clouds (aws) are held: a service that has a database of its own wants a rule for it, or db: allow here.
  kinds: { http: allow }
  approvals: { from: [reviewers], threshold: 1, assurance: login }
  timeout: 15m    # then the request expires, and the action does not run
  validFor: 1h    # how long an approval waits for its action

# People by what their identity provider says: oidc:<issuer>#group/<name> or oidc:<issuer>#sub/<subject>.
groups:
  reviewers: [${JSON.stringify(reviewers)}]
  data-owners: [${JSON.stringify(dataOwners)}]

# Who stops an agent, who erases what a request was about, and who releases a change of this file. Nobody their own.
duties:
  freeze: [reviewers]
  erase: [data-owners]
  policy: { from: [reviewers], threshold: 1, assurance: login }

rules:
  # Reading one customer's record is everyday work.
  - id: lookup
    match: { kind: [tool, mcp], name: "lookup_*" }
    effect: allow

  # A condition is CEL. One that cannot be evaluated, as here without an amount, holds the action.
  - id: small-refund
    match: { kind: tool, name: issue_refund }
    when: action.arguments.amount > 0 && action.arguments.amount <= 50
    effect: allow

  - id: export-customer-data
    match: { kind: [tool, mcp], name: "export_*" }
    effect: hold
    risk: high
    approvals: { from: [data-owners] }
    timeout: 10m
    escalate: [{ after: 5m, to: [reviewers] }]
    redact: [/arguments/password]

  - id: grant-role
    match: { kind: [tool, mcp], name: "grant_*" }
    effect: hold
    risk: critical

  - id: drop-database
    match: { kind: [tool, mcp], name: "drop_*" }
    effect: deny
    reason: Dropping a database is a change request, not an agent action.

  - id: drop-statement
    match: { kind: db, name: "DROP *" }
    effect: deny
    reason: Dropping a database is a change request, not an agent action.
`

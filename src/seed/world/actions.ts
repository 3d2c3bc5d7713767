import type { JsonValue } from '#contract'

/** One call that an agent makes now and then, with the arguments that it may have; policy says what becomes of it. */
export interface Call {
  kind: 'tool' | 'mcp' | 'db' | 'process' | 'aws'
  name: string
  /** How often, among those of its agent with the same ruling. */
  weight: number
  variants: readonly Variant[]
  effect: Effect
  /** Half of its executions take less, milliseconds. */
  medianMs: number
}

export interface Variant {
  target?: string
  arguments: JsonValue
}

/** What its execution is made of, in the trace. */
export type Effect =
  /** A service, which asks its own database. */
  | { of: 'service'; service: string; method: string; route: string; query: string }
  | { of: 'postgres'; database: string; query: string }
  | { of: 'aws'; service: string; method: string }
  | { of: 'server'; host: string }
  | { of: 'nothing' }

const amounts = (...all: number[]): Variant[] =>
  all.map((amount, at) => ({ arguments: { order: `A-${20_417 + at * 131}`, amount, currency: 'EUR' } }))
const customers = (...all: string[]): Variant[] =>
  all.map((customer) => ({ target: `customer/${customer}`, arguments: { customer } }))
const api = (service: string, method: string, route: string, query: string): Effect => ({
  of: 'service',
  service,
  method,
  route,
  query,
})

export const tool = (
  name: string,
  weight: number,
  effect: Effect,
  variants: Variant[],
  medianMs = 180,
): Call => ({
  kind: 'tool',
  name,
  weight,
  variants,
  effect,
  medianMs,
})

const CUSTOMERS = customers('4411', '5208', '6127', '7783', '8094', '9350')
const CRM_READ = api('customer-api', 'GET', '/v1/customers/{id}', 'SELECT customers')
const ORDER_READ = api('order-api', 'GET', '/v1/orders/{id}', 'SELECT orders')
const PAYMENTS = api('payment-api', 'POST', '/v1/refunds', 'INSERT refunds')
const MAIL = api('mail-api', 'POST', '/v1/messages', 'INSERT outbox')
const PLAIN: Variant[] = [{ arguments: {} }]

export const SUPPORT: readonly Call[] = [
  tool('lookup_customer', 40, CRM_READ, CUSTOMERS),
  tool('lookup_order', 34, ORDER_READ, CUSTOMERS),
  tool('search_help_center', 16, api('search-api', 'POST', '/v1/search', 'SELECT articles'), PLAIN, 90),
  tool('send_reply', 18, MAIL, PLAIN, 240),
  tool('issue_refund', 1, PAYMENTS, amounts(9.5, 12, 19.9, 25, 34.5, 48), 420),
  tool('issue_refund', 7, PAYMENTS, amounts(74, 89.9, 120, 149, 210, 380), 420),
  tool(
    'close_account',
    2,
    api('customer-api', 'DELETE', '/v1/customers/{id}', 'UPDATE customers'),
    CUSTOMERS,
  ),
]
export const BILLING: readonly Call[] = [
  tool('lookup_invoice', 50, api('billing-api', 'GET', '/v1/invoices/{id}', 'SELECT invoices'), CUSTOMERS),
  tool('create_invoice', 20, api('billing-api', 'POST', '/v1/invoices', 'INSERT invoices'), PLAIN, 350),
  tool('adjust_credit', 5, api('billing-api', 'PATCH', '/v1/accounts/{id}', 'UPDATE accounts'), CUSTOMERS),
  tool('issue_refund', 3, PAYMENTS, amounts(64, 99, 175, 260, 940), 420),
]
export const MARKETING: readonly Call[] = [
  { ...tool('search_assets', 40, { of: 'server', host: 'mcp.dam.example' }, PLAIN, 300), kind: 'mcp' },
  { ...tool('draft_post', 22, { of: 'server', host: 'mcp.cms.example' }, PLAIN, 700), kind: 'mcp' },
  { ...tool('publish_post', 4, { of: 'server', host: 'mcp.cms.example' }, PLAIN, 900), kind: 'mcp' },
  { ...tool('send_campaign', 1, { of: 'server', host: 'mcp.mail.example' }, PLAIN, 1500), kind: 'mcp' },
]
export const EXPORT: Call = tool(
  'export_customers',
  2,
  api('customer-api', 'POST', '/v1/exports', 'SELECT customers'),
  [
    { target: 'crm/customers', arguments: { region: 'eu', format: 'csv' } },
    { target: 'crm/customers', arguments: { region: 'us', format: 'csv' } },
  ],
  8_000,
)
export const PEOPLE_OPERATIONS: readonly Call[] = [
  tool('lookup_employee', 40, api('people-api', 'GET', '/v1/employees/{id}', 'SELECT employees'), CUSTOMERS),
  tool('create_ticket', 18, api('ticket-api', 'POST', '/v1/tickets', 'INSERT tickets'), PLAIN, 260),
  tool('grant_role', 3, api('people-api', 'POST', '/v1/grants', 'INSERT grants'), [
    { target: 'role/billing-admin', arguments: { role: 'billing-admin', employee: '1077' } },
    { target: 'role/data-reader', arguments: { role: 'data-reader', employee: '1212' } },
  ]),
]

const statement = (query: string, weight: number, sql: string, medianMs: number): Call => ({
  kind: 'db',
  name: query,
  weight,
  variants: [{ target: 'shop', arguments: { text: sql } }],
  effect: { of: 'postgres', database: 'shop', query: sql },
  medianMs,
})
export const ANALYST: readonly Call[] = [
  statement('SELECT orders', 50, 'SELECT sum(total) FROM orders WHERE placed_on >= $1', 90),
  statement('SELECT customers', 30, 'SELECT region, count(*) FROM customers GROUP BY region', 120),
  statement('UPDATE prices', 2, 'UPDATE prices SET net = $1 WHERE sku = $2', 60),
  statement('DELETE sessions', 1, 'DELETE FROM sessions WHERE seen_at < $1', 400),
  statement('DROP TABLE staging_orders', 1, 'DROP TABLE staging_orders', 10),
  EXPORT,
]
export const REPORTS: readonly Call[] = [
  statement('SELECT orders', 60, 'SELECT placed_on, sum(total) FROM orders GROUP BY placed_on', 2_400),
  tool('upload_report', 20, api('file-api', 'PUT', '/v1/files/{id}', 'INSERT files'), PLAIN, 900),
]

const shell = (name: string, weight: number, argv: string[], medianMs: number): Call => ({
  kind: 'process',
  name,
  weight,
  variants: [{ target: '/srv/deploy', arguments: argv }],
  effect: { of: 'nothing' },
  medianMs,
})
export const DEPLOY: readonly Call[] = [
  shell('kubectl get', 40, ['kubectl', 'get', 'pods', '-n', 'shop'], 600),
  shell('kubectl describe', 22, ['kubectl', 'describe', 'deployment', 'checkout', '-n', 'shop'], 700),
  shell('terraform plan', 18, ['terraform', 'plan', '-out=plan.bin'], 21_000),
  shell('git log', 16, ['git', 'log', '-5'], 40),
  shell('terraform apply', 4, ['terraform', 'apply', 'plan.bin'], 64_000),
  shell('kubectl delete', 2, ['kubectl', 'delete', 'pod', 'checkout-7d9f', '-n', 'shop'], 1_900),
  shell('terraform destroy', 1, ['terraform', 'destroy', '-auto-approve'], 10),
]

const aws = (service: string, method: string, weight: number, variant: Variant): Call => ({
  kind: 'aws',
  name: `${service.toLowerCase()}:${method}`,
  weight,
  variants: [variant],
  effect: { of: 'aws', service, method },
  medianMs: 140,
})
export const CLOUD: readonly Call[] = [
  aws('S3', 'GetObject', 40, {
    target: 'arn:aws:s3:::shop-exports/daily.csv',
    arguments: { Bucket: 'shop-exports', Key: 'daily.csv' },
  }),
  aws('EC2', 'DescribeInstances', 30, { arguments: { MaxResults: 50 } }),
  aws('S3', 'DeleteObject', 3, {
    target: 'arn:aws:s3:::shop-exports/2019.csv',
    arguments: { Bucket: 'shop-exports', Key: '2019.csv' },
  }),
  aws('IAM', 'AttachRolePolicy', 1, {
    target: 'arn:aws:iam::111122223333:role/reporting',
    arguments: { RoleName: 'reporting', PolicyArn: 'arn:aws:iam::aws:policy/ReadOnlyAccess' },
  }),
]
export const RELEASES: readonly Call[] = [
  tool('list_builds', 40, api('build-api', 'GET', '/v1/builds', 'SELECT builds'), PLAIN),
  tool('get_changelog', 20, api('build-api', 'GET', '/v1/builds/{id}', 'SELECT changes'), PLAIN),
  tool(
    'promote_release',
    3,
    api('build-api', 'POST', '/v1/releases', 'INSERT releases'),
    [
      { target: 'checkout', arguments: { service: 'checkout', build: '2026.47.1' } },
      { target: 'search', arguments: { service: 'search', build: '2026.47.3' } },
    ],
    5_000,
  ),
]
export const ON_CALL: readonly Call[] = [
  tool('get_alerts', 44, api('alert-api', 'GET', '/v1/alerts', 'SELECT alerts'), PLAIN, 110),
  tool('search_runbooks', 26, api('search-api', 'POST', '/v1/search', 'SELECT articles'), PLAIN, 130),
  tool('update_incident', 16, api('alert-api', 'PATCH', '/v1/incidents/{id}', 'UPDATE incidents'), PLAIN),
  tool('page_oncall', 3, api('alert-api', 'POST', '/v1/pages', 'INSERT pages'), PLAIN),
  shell('kubectl delete', 2, ['kubectl', 'delete', 'pod', 'search-5c7b', '-n', 'shop'], 1_900),
]
export const COURIER: readonly Call[] = [
  tool('lookup_parcel', 30, api('parcel-api', 'GET', '/v1/parcels/{id}', 'SELECT parcels'), CUSTOMERS),
  tool('export_addresses', 1, api('parcel-api', 'POST', '/v1/exports', 'SELECT addresses'), PLAIN, 4_000),
]

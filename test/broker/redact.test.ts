import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { type JsonValue, REDACTED } from '#contract'
import { detectSecrets } from '../../src/broker/redact/detect.ts'

const detect = (value: JsonValue) => detectSecrets(value, '/arguments')
const hex = (digits: number) => randomBytes(digits).toString('hex').slice(0, digits)
const word = (length: number) =>
  `a1B${randomBytes(length * 2)
    .toString('base64')
    .replace(/[^A-Za-z0-9]/g, '')}`.slice(0, length)
const base32 = (length: number) =>
  Array.from(randomBytes(length), (byte) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'[byte % 32]).join('')
const json = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** Made up for each run: in form what their issuers give out, and good for nothing. */
const CREDENTIALS: Record<string, string> = {
  'GitHub, classic': `ghp_${word(36)}`,
  'GitHub, of an app': `ghs_${word(36)}`,
  'GitHub, fine-grained': `github_pat_${word(22)}_${word(59)}`,
  GitLab: `glpat-${word(20)}`,
  'Slack, bot': `xoxb-${'1'.repeat(12)}-${'2'.repeat(12)}-${word(24)}`,
  'Slack, app': `xapp-1-A${word(10)}-${'1'.repeat(12)}-${hex(64)}`,
  'Stripe, live': `sk_live_${word(24)}`,
  'Stripe, restricted': `rk_test_${word(24)}`,
  'Standard Webhooks': `whsec_${randomBytes(24).toString('base64')}`,
  'model provider, with a prefix': `sk-ant-api03-${word(80)}`,
  'model provider, of a project': `sk-proj-${word(64)}`,
  'model provider, plain': `sk-${word(48)}`,
  'Hugging Face': `hf_${word(34)}`,
  'Google, API key': `AIza${word(35)}`,
  'Google, access token': `ya29.${word(60)}`,
  'Google, client secret': `GOCSPX-${word(28)}`,
  npm: `npm_${word(36)}`,
  PyPI: `pypi-AgEIcHlwaS5vcmc${word(80)}`,
  SendGrid: `SG.${word(22)}.${word(43)}`,
  Telegram: `123456789:AA${word(33)}`,
  DigitalOcean: `dop_v1_${hex(64)}`,
  Vault: `hvs.${word(90)}`,
  Grafana: `glsa_${word(32)}_${hex(8)}`,
  Databricks: `dapi${hex(32)}`,
  Shopify: `shpat_${hex(32)}`,
  Linear: `lin_api_${word(40)}`,
  Postman: `PMAK-${hex(24)}-${hex(34)}`,
  Doppler: `dp.pt.${word(43)}`,
  age: `AGE-SECRET-KEY-1${'Q'.repeat(20)}${base32(38).replace(/[2-7]/g, '9')}`,
  'NATS, seed of a user': `SU${base32(56)}`,
  'JSON Web Token': `${json({ alg: 'EdDSA', typ: 'JWT' })}.${json({ sub: 'x', iat: 1 })}.${word(86)}`,
  'payment card, plain': '4111111111111111',
  'payment card, in groups': '5555 5555 5555 4444',
  'payment card, of fifteen digits': '3782-822463-10005',
}
const PEM = `-----BEGIN RSA PRIVATE KEY-----\n${word(64)}\n${word(64)}\n-----END RSA PRIVATE KEY-----`

test.each(Object.entries(CREDENTIALS))('redact - %s is found wherever it stands', (_, secret) => {
  const places: [JsonValue, string][] = [
    [secret, '/arguments'],
    [{ note: secret }, '/arguments/note'],
    [{ deep: [{ list: ['x', `use ${secret} for it`] }] }, '/arguments/deep/0/list/1'],
    [['curl', '-H', `X-Key: ${secret}`], '/arguments/2'],
    [{ url: `https://example.com/?k=${secret}&page=2` }, '/arguments/url'],
    [{ body: JSON.stringify({ value: secret }) }, '/arguments/body'],
    [{ body: `line one\n${secret}\nline three` }, '/arguments/body'],
    [{ [secret]: 1 }, `/arguments/${REDACTED}`],
  ]
  for (const [value, path] of places) {
    const { value: shown, found } = detect(value)
    expect([path, found]).toEqual([path, [{ path, was: secret }]])
    expect(JSON.stringify(shown)).not.toContain(secret)
  }
})

test.each([
  ['whole', PEM],
  ['of SSH', PEM.replaceAll('RSA', 'OPENSSH')],
  ['of PKCS 8', PEM.replaceAll('RSA ', '')],
  ['encrypted', PEM.replaceAll('RSA', 'ENCRYPTED')],
  ['cut off', PEM.slice(0, 80)],
  ['on one line, as JSON writes it', PEM.replaceAll('\n', '\\n')],
])('redact - a private key, %s, is kept back as a whole, and what stands around it is shown', (_, key) => {
  const { value, found } = detect({ file: `before\n${key}` })
  expect(value).toEqual({ file: `before\n${REDACTED}` })
  expect(found).toEqual([{ path: '/arguments/file', was: key }])
})

test.each([
  ['postgres://app:hunter2@db.internal:5432/orders', 'hunter2'],
  ['psql "postgresql://app:p%40ss@db/orders" -c "select 1"', 'p%40ss'],
  ['redis://:s3cret@cache:6379/0', 's3cret'],
  ['mongodb+srv://app:Zx9_-a@cluster0.example.net', 'Zx9_-a'],
  ['git clone https://bot:abcdef@git.example.com/x.git', 'abcdef'],
  ['amqp://app:pa@ss@queue/x', 'pa@ss'],
  ['Server=db;Database=x;User Id=sa;Password=Sup3rSecret;Encrypt=true', 'Sup3rSecret'],
  ['PGPASSWORD=hunter psql -h db', 'hunter'],
  ['export API_KEY=abcdef0123', 'abcdef0123'],
  ['curl -H "Authorization: Bearer 0a1b2c3d4e5f6071" https://x', '0a1b2c3d4e5f6071'],
  ["curl -H 'X-Api-Key: 0a1b2c3d4e5f' https://x", '0a1b2c3d4e5f'],
  ['https://x/callback?access_token=0a1b2c3d4e5f&state=1', '0a1b2c3d4e5f'],
  ['{"user":"bob","password":"hunter2"}', 'hunter2'],
  ['{\\"password\\": \\"hunter2\\"}', 'hunter2'],
  ["db_password = 'hunter2'", 'hunter2'],
  ['mysql --password=Hunter22x -u root', 'Hunter22x'],
  ['spring.datasource.password=Hunter22', 'Hunter22'],
])('redact - in %s only the secret is kept back', (text, secret) => {
  expect(detect(text)).toEqual({
    value: text.replace(secret, REDACTED),
    found: [{ path: '/arguments', was: secret }],
  })
})

test.each<[string, JsonValue, string]>([
  ['password', { password: 'x' }, '/arguments/password'],
  ['a password that is a number', { password: 12345678 }, '/arguments/password'],
  ['a name in capitals', { DB_PASSWORD: 'hunter2' }, '/arguments/DB_PASSWORD'],
  ['a name in one word', { clientSecret: 'abcdefgh' }, '/arguments/clientSecret'],
  ['a name with hyphens', { 'x-api-key': 'abc' }, '/arguments/x-api-key'],
  ['a header', { headers: { Authorization: 'Bearer abcdefgh' } }, '/arguments/headers/Authorization'],
  ['a header with several values', { Authorization: ['Basic YWJjZGVmZ2g='] }, '/arguments/Authorization/0'],
  ['a cookie', { Cookie: 'session=abc; theme=dark' }, '/arguments/Cookie'],
  ['a token', { access_token: 'abcdefgh' }, '/arguments/access_token'],
  ['a private key without its frame', { private_key: 'MIIE' }, '/arguments/private_key'],
  ['a variable', { env: [{ name: 'DB_PASSWORD', value: 'x' }] }, '/arguments/env/0/value'],
  ['a flag', ['mysql', '--password', 'hunter2'], '/arguments/2'],
  ['a name with a slash', { 'a/b~password': 'x' }, '/arguments/a~1b~0password'],
  ['a proto', JSON.parse('{"__proto__":{"password":"x"}}'), '/arguments/__proto__/password'],
])('redact - what stands under %s is kept back', (_, value, path) => {
  const { found, value: shown } = detect(value)
  expect(found.map((one) => one.path)).toEqual([path])
  expect(JSON.stringify(shown)).toContain(REDACTED)
})

const VARIABLE = ['$', '{DB_PASSWORD}'].join('')
/** What agents ask for all day: nothing of it is a secret. */
const ORDINARY: JsonValue[] = [
  { format: 'csv', rows: 1200, columns: ['id', 'email', 'created_at'] },
  { query: "SELECT id, password_hash FROM users WHERE token_expires_at < now() - interval '1 day'" },
  { query: 'UPDATE users SET password = $1 WHERE id = $2', values: [1, 2] },
  { max_tokens: 4096, stop_token: '<|endoftext|>', prompt_tokens: 12, total_tokens: 4444 },
  { next_token: 'AAAAGGGGHHHH1234', pageToken: 'abcdefgh12345678', ClientRequestToken: hex(32) },
  { SecretId: 'prod/db/password', VersionStage: 'AWSCURRENT' },
  { secretName: 'db-credentials', secretKeyRef: { name: 'db', key: 'password' } },
  { primary_key: 'id', public_key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG', sort_key: 'created', key: 'x' },
  { password: VARIABLE, token: '{{ vault.token }}', api_key: '<your key>', secret: '********' },
  { password: true, token: null, secret: 'none', authorization: 'required' },
  { type: 'password', label: 'Password', placeholder: 'Enter your password: at least 12 characters' },
  { properties: { password: { type: 'string', minLength: 12 } }, required: ['password', 'token'] },
  'const token = await getToken(); if (token === session.token) return password',
  'def login(user, password=None): return api.login(user, password=password, token=self.token)',
  'import os\nAPI_KEY = os.environ["API_KEY"]\nclient = Client(api_key=settings.API_KEY)',
  'The password: it must be changed. Your token: expired. Authorization: ask the owner.',
  'See https://example.com/docs/tokens#password and http://localhost:8080/secret?page=2',
  'git clone https://git@github.com/example/repo.git && git push git@github.com:example/repo.git',
  'postgres://app@db.internal:5432/orders',
  `postgres://app:${VARIABLE}@db.internal:5432/orders`,
  'https://example.com:8443/users/@alice',
  ['terraform', 'apply', '-auto-approve', '-var-file=prod.tfvars'],
  ['kubectl', 'get', 'secret', 'db-credentials', '-o', 'name'],
  ['ssh', '-i', '~/.ssh/id_ed25519', 'deploy@host'],
  { commit: hex(40), etag: `"${hex(32)}"`, digest: `sha256:${hex(64)}`, uuid: crypto.randomUUID() },
  { image: `registry.example.com/app@sha256:${hex(64)}`, arn: 'arn:aws:iam::123456789012:role/admin' },
  { AccessKeyId: 'AKIAIOSFODNN7EXAMPLE', UserName: 'deploy' },
  { order_id: 4111111111111111, external_id: '4111111111111111', at: 1790000000000, phone: '+49 30 901820' },
  { iban: 'DE89 3704 0044 0532 0130 00', isbn: '978-3-16-148410-0', number: '4111 1111 1111 1112' },
  { numbers: [1234567890123456, 9007199254740991], pi: 0.4111111111111111, price: '4111.50' },
  { file: '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----' },
  { cert: '-----BEGIN CERTIFICATE-----\nMIIBszCCAVmg\n-----END CERTIFICATE-----' },
  { image: randomBytes(3000).toString('base64'), checksum: randomBytes(32).toString('base64') },
  { amount: 5000, currency: 'EUR', iban_last4: '3000', reason: 'refund for order 1000234' },
  { role: 'roles/secretmanager.secretAccessor', member: 'user:alice@example.com' },
  { keyboard: 'de', monkey: 'see', author: 'alice', passenger: 'bob', tokenizer: 'gpt2', secretary: 'carol' },
  { url: 'https://bucket.s3.amazonaws.com/report.csv', method: 'PUT', sig: 'none' },
  { text: 'sk-learn and risk-averse task-force; ghp_ alone; eyJ is how JSON begins; xoxb-' },
]
test.each(ORDINARY.map((value) => [JSON.stringify(value).slice(0, 90), value] as const))(
  'redact - %s is shown as it is',
  (_, value) => {
    expect(detect(value)).toEqual({ value, found: [] })
  },
)

test.each<[string, JsonValue, string]>([
  ['a command between quotation marks', 'PASSWORD="; rm -rf / #" ./run', 'rm -rf /'],
  ['a command between the marks of a key', PEM.replace('\n', '\nMII\n; rm -rf / #'), 'rm -rf /'],
  ['a command after a key that does not end', `${PEM.slice(0, 60)} && rm -rf /`, 'rm -rf /'],
  ['a script under the name of a password', { password: `${'# '.repeat(3_000)}rm -rf /` }, 'rm -rf /'],
])('redact - %s is not hidden by it', (_, value, shown) => {
  expect(JSON.stringify(detect(value).value)).toContain(shown)
})

test('redact - two secrets in one text are two, and two names that are both kept back stay two', () => {
  const [one, other] = [`ghp_${word(36)}`, `ghp_${word(36)}`]
  expect(detect(`${one} and ${other}`)).toEqual({
    value: `${REDACTED} and ${REDACTED}`,
    found: [
      { path: '/arguments', was: one },
      { path: '/arguments', was: other },
    ],
  })
  expect(detect({ [one]: 1, [other]: 2 }).value).toEqual({ [REDACTED]: 1, [`${REDACTED} 2`]: 2 })
})

test('redact - a list of nothing but secrets is kept back as a whole', () => {
  const value = Array.from({ length: 200 }, () => `ghp_${word(36)}`)
  expect(detect(value)).toEqual({ value: REDACTED, found: [{ path: '/arguments', was: value }] })
})

test('redact - under a name of a hundred thousand characters, places are not listed one by one', () => {
  const value = { ['n'.repeat(100_000)]: Array.from({ length: 50 }, () => ({ password: word(12) })) }
  expect(detect(value)).toEqual({ value: REDACTED, found: [{ path: '/arguments', was: value }] })
})

/** Each begins again and again what never ends: an expression that looked back would need hours, and the test's time. */
const HOSTILE = [
  ...[
    'password="',
    "password='",
    'password=`',
    'password=\\"',
    'password=x ',
    'password=${',
    '=',
    ':',
    'token: ',
  ],
  ...[
    '://',
    'a://a:a',
    'eyJ',
    'eyJaaaaaaaaaa.',
    'eyJaaaaaaaa.eyJaaaaaaaa',
    ' ',
    '1',
    '1 ',
    '1-',
    '4111 ',
    'a',
  ],
  ...[
    'ghp_',
    'glpat-',
    'sk-',
    'SG.',
    'whsec_',
    '-----BEGIN PRIVATE KEY-----',
    '-----BEGIN A A A A ',
    'a_',
    'A=A',
  ],
]
test.each(HOSTILE)('redact - a megabyte of %j takes no longer than it takes to read', (part) => {
  const text = part.repeat(Math.ceil(1_000_000 / part.length))
  const { value, found } = detect({ text })
  expect(value === REDACTED ? ['text'] : Object.keys(value as object)).toEqual(['text'])
  expect(found.length).toBeLessThanOrEqual(100)
})

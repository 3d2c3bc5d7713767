import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { HoldpointError } from '#contract'
import { createAddressRules } from '../../src/channels/address.ts'
import { post, type Resolve } from '../../src/channels/post.ts'
import { codeOf } from '../support/held.ts'
import { type Receiver, startReceiver, status } from './receiver.ts'

let receiver: Receiver
beforeAll(async () => {
  receiver = await startReceiver()
})
afterAll(() => receiver?.stop())

const signal = new AbortController().signal
const nobodyAsked: Resolve = async (host) => {
  throw new Error(`${host} was resolved`)
}
const send = (url: string, { allow = [] as string[], resolve = nobodyAsked } = {}) =>
  post({ url, headers: {}, body: '{}' }, { rules: createAddressRules(allow), resolve, signal })

/** As somebody would write it into a configuration; all of them lead where nobody outside may go. */
const PRIVATE = [
  '127.0.0.1',
  '127.255.255.254',
  '127.1',
  '0x7f.1',
  '0x7f000001',
  '0177.0.0.1',
  '017700000001',
  '2130706433',
  '127.0.0.1.',
  '①②⑦.0.0.1',
  '127。0。0。1',
  '%31%32%37.0.0.1',
  '0.0.0.0',
  '0',
  '0.1.2.3',
  '10.0.0.1',
  '10.255.255.255',
  '100.64.0.1',
  '100.127.255.255',
  '169.254.0.1',
  '169.254.169.254',
  '0xa9fea9fe',
  '2852039166',
  '172.16.0.1',
  '172.31.255.255',
  '192.0.0.8',
  '192.0.2.1',
  '192.88.99.1',
  '192.168.0.1',
  '192.168.255.255',
  '198.18.0.1',
  '198.19.255.255',
  '198.51.100.7',
  '203.0.113.7',
  '224.0.0.1',
  '239.255.255.255',
  '240.0.0.1',
  '255.255.255.255',
  '[::]',
  '[::1]',
  '[0:0:0:0:0:0:0:1]',
  '[::127.0.0.1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[::ffff:169.254.169.254]',
  '[::ffff:0:127.0.0.1]',
  '[64:ff9b::127.0.0.1]',
  '[64:ff9b::a9fe:a9fe]',
  '[64:ff9b::10.1.2.3]',
  '[64:ff9b:1::1]',
  '[2002:7f00:1::]',
  '[2002:0a00:1::1]',
  '[2001::1]',
  '[2001:0:53aa:64c:0:fbff:80ff:fffe]',
  '[2001:db8::1]',
  '[2001:20::1]',
  '[3fff::1]',
  '[100::1]',
  '[fc00::1]',
  '[fd12:3456:789a::1]',
  '[fe80::1]',
  '[febf::1]',
  '[fec0::1]',
  '[ff02::1]',
  '[ff05::2]',
  '[5f00::1]',
  '[4000::1]',
]

test('address - the table is as long as it was asked to be', () => {
  expect(new Set(PRIVATE).size).toBeGreaterThanOrEqual(40)
})

test.each(PRIVATE)('address - %s is refused, with TLS and without', async (host) => {
  for (const scheme of ['http', 'https'])
    expect(await codeOf(send(`${scheme}://${host}:${receiver.port}/`))).toBe('ADDRESS_REFUSED')
  expect(receiver.received).toHaveLength(0)
})

test.each([
  '10.1.2.3',
  '127.0.0.1',
  '169.254.169.254',
  '::1',
  '::ffff:10.0.0.1',
  '64:ff9b::7f00:1',
  'fd00::1',
  'fe80::1',
  'fe80::1%lo',
  '127.0.0.1%lo',
  'localhost',
  '',
])('address - a name that DNS says is at %j is refused', async (address) => {
  const resolve: Resolve = async () => [address]
  const refused = send(`https://hook.example.com:${receiver.port}/`, { resolve })
  await expect(refused).rejects.toMatchObject({ code: 'ADDRESS_REFUSED' })
  await expect(refused).rejects.toThrow(/^hook\.example\.com/)
})

test('address - one private address among public ones is enough to refuse', async () => {
  const resolve: Resolve = async () => ['93.184.215.14', '2606:2800:21f:cb07:6820:80da:af6b:8b2c', '10.0.0.1']
  await expect(send('https://hook.example.com/', { resolve })).rejects.toThrow(
    'hook.example.com is at 10.0.0.1, which is not a public address',
  )
})

test('address - what is reached is what was checked: a second answer of DNS is never asked for', async () => {
  let asked = 0
  const resolve: Resolve = async () => [++asked === 1 ? '127.0.0.1' : '169.254.169.254']
  const reply = await send(`http://rebind.example.com:${receiver.port}/hook`, {
    resolve,
    allow: ['127.0.0.1'],
  })
  expect(reply.status).toBe(204)
  expect(asked).toBe(1)
  expect(receiver.received.splice(0).map(({ headers }) => headers.host)).toEqual([
    `rebind.example.com:${receiver.port}`,
  ])
})

test('address - a name that leads here for the system, and elsewhere for the check, leads elsewhere', async () => {
  // Nobody listens at 127.0.0.2: were the name looked up again, this receiver would answer.
  const gaveUp = AbortSignal.timeout(100)
  const sent = post(
    { url: `http://localhost:${receiver.port}/hook`, headers: {}, body: '{}' },
    { rules: createAddressRules(['127.0.0.2']), resolve: async () => ['127.0.0.2'], signal: gaveUp },
  )
  expect(await codeOf(sent)).toBe('UNAVAILABLE')
  expect(receiver.received).toHaveLength(0)
})

test.each([
  ['8.8.8.8', []],
  ['93.184.215.14', []],
  ['100.63.255.255', []],
  ['100.128.0.0', []],
  ['172.15.255.255', []],
  ['172.32.0.0', []],
  ['2606:4700:4700::1111', []],
  ['2a00:1450:4001:82a::200e', []],
  ['::ffff:8.8.8.8', []],
  ['64:ff9b::808:808', []],
  ['10.1.2.3', ['10.1.0.0/16']],
  ['fd00::7', ['fd00::/64']],
  ['::1', ['::1']],
  ['127.0.0.1', ['10.0.0.0/8', '127.0.0.1']],
])('address - %s is good where %j is allowed', (address, allow) => {
  expect(() => createAddressRules(allow).check(address, address)).not.toThrow()
})

test.each([
  ['10.2.0.1', ['10.1.0.0/16']],
  ['127.0.0.2', ['127.0.0.1']],
  ['fd00:0:0:1::1', ['fd00::/64']],
  ['::1', ['127.0.0.1']],
  ['169.254.169.254', ['10.0.0.0/8', '192.168.0.0/16', '172.16.0.0/12']],
])('address - %s is refused though %j is allowed', (address, allow) => {
  expect(() => createAddressRules(allow).check(address, address)).toThrow(HoldpointError)
})

test.each([
  '',
  'localhost',
  '10.0.0.0/33',
  '10.0.0.0/-1',
  '10.0.0.0/8/8',
  '10.0.0.0/',
  '::1/129',
  'fe80::1%lo',
  '0x7f.1',
  '10.0.0',
])('address - %j cannot be allowed', (entry) => {
  expect(() => createAddressRules([entry])).toThrow(/expected an IP address or a CIDR range/)
})

test('address - without TLS only to addresses that are allowed by name', async () => {
  const resolve: Resolve = async () => ['93.184.215.14']
  await expect(send('http://hook.example.com/', { resolve })).rejects.toThrow(/without TLS/)
  expect(await codeOf(send('http://8.8.8.8/', { allow: ['10.0.0.0/8'] }))).toBe('ADDRESS_REFUSED')
})

test.each([
  'https://user@hook.example.com/',
  'https://user:password@hook.example.com/',
  'https://:p@8.8.8.8/',
])('address - credentials in a URL are refused: %s', async (url) => {
  const refused = send(url)
  await expect(refused).rejects.toMatchObject({ code: 'ADDRESS_REFUSED' })
  await expect(refused).rejects.not.toThrow(/password/)
})

test('address - a name without an address, and one that cannot be resolved, may be there later', async () => {
  expect(await codeOf(send('https://hook.example.com/', { resolve: async () => [] }))).toBe('UNAVAILABLE')
  expect(await codeOf(send('https://hook.example.com/'))).toBe('UNAVAILABLE')
})

test('address - a resolver that never answers is not waited for', async () => {
  const sent = post(
    { url: 'https://hook.example.com/', headers: {}, body: '{}' },
    { rules: createAddressRules(), resolve: () => new Promise(() => {}), signal: AbortSignal.timeout(20) },
  )
  expect(await codeOf(sent)).toBe('UNAVAILABLE')
})

test('address - a proxy of the environment is not asked', async () => {
  const proxy = await startReceiver()
  const program = `
    import { get } from 'node:http'
    import { createAddressRules } from './src/channels/address.ts'
    import { post } from './src/channels/post.ts'
    const rules = createAddressRules(['127.0.0.1'])
    const signal = AbortSignal.timeout(5000)
    const sent = await post({ url: '${receiver.url}', headers: {}, body: '{}' }, { rules, signal })
    const status = await new Promise((resolve) =>
      get('${receiver.url}', (response) => resolve(response.resume().statusCode)))
    console.log(JSON.stringify([sent.status, status]))
  `
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: join(import.meta.dirname, '..', '..'),
    env: { NODE_USE_ENV_PROXY: '1', HTTP_PROXY: `http://127.0.0.1:${proxy.port}` },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  proxy.answer = status(418)
  const out = await text(child.stdout)
  await proxy.stop()
  // The second, which takes the shared agent, shows that there was a proxy to be asked.
  expect(JSON.parse(out)).toEqual([204, 418])
  expect(receiver.received.splice(0)).toHaveLength(1)
})

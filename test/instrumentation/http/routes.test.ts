import { describe, expect, test } from 'vitest'
import { doubtOf, routesOf } from '../../../instrumentation/http/routes.ts'
import { readHeaders, type Sent, urlOf } from '../../../instrumentation/http/sent.ts'
import { read } from '../../pipeline/plain-spans.ts'

const sent = (path: string, more: Partial<Sent> & { head?: Record<string, string> } = {}): Sent => {
  const { head = {}, ...rest } = more
  return { method: 'DELETE', origin: 'https://api.example.com', path, headers: readHeaders(head), ...rest }
}
const namesOf = (one: Sent) => [...new Set(routesOf(one).map(({ name }) => name))]
const targetsOf = (one: Sent) => [...new Set(routesOf(one).map(({ target }) => target))]

describe('names', () => {
  test.each([
    ['/v1/customers/7', 'DELETE /v1/customers/7'],
    ['/v1/customers/7?force=1', 'DELETE /v1/customers/7'],
    ['/', 'DELETE /'],
    ['', 'DELETE /'],
    ['?x', 'DELETE /'],
    ['/.well-known/a.b', 'DELETE /.well-known/a.b'],
    ['/@scope/pkg', 'DELETE /@scope/pkg'],
  ])('routes - %j is read in one way', (path, name) => {
    expect(routesOf(sent(path))).toEqual([{ name, target: 'https://api.example.com' }])
    expect(doubtOf(sent(path))).toBeUndefined()
  })

  test.each([
    ['/v1/a/../customers/7'],
    ['/v1/a/%2e%2e/customers/7'],
    ['/v1/a%2f..%2fcustomers/7'],
    ['/v1//customers/7'],
    ['/v1;x=y/customers/7'],
    ['/v1/a/..;/customers/7'],
    ['\\v1\\customers\\7'],
    ['/v1/a/%252e%252e/customers/7'],
    ['/./v1/customers/7#/x'],
  ])('routes - %j is also the path that a server may make of it, and people are told', (path) => {
    expect(namesOf(sent(path))).toContain('DELETE /v1/customers/7')
    expect(doubtOf(sent(path))).toContain('different ways')
  })

  test('routes - a percent sign that hides no more than a letter is resolved, and raises no doubt', () => {
    expect(routesOf(sent('/v1/%63ustomers/a%20b'))[0].name).toBe('DELETE /v1/customers/a b')
    expect(namesOf(sent('/v1/%63ustomers/7'))).toContain('DELETE /v1/%63ustomers/7')
    expect(doubtOf(sent('/v1/%63ustomers/7'))).toBeUndefined()
  })

  test.each([['x-http-method-override'], ['x-http-method'], ['x-method-override']])(
    'routes - a server may take the method from %s',
    (header) => {
      const one = sent('/v1/customers', { method: 'POST', head: { [header]: 'delete' } })
      expect(namesOf(one)).toEqual(['POST /v1/customers', 'DELETE /v1/customers'])
      expect(doubtOf(one)).toContain('DELETE')
    },
  )

  test('routes - a server may take the path from a header', () => {
    expect(namesOf(sent('/', { head: { 'X-Original-URL': '/admin?x' } }))).toContain('DELETE /admin')
    expect(namesOf(sent('/', { head: { 'x-rewrite-url': '/a/../admin' } }))).toContain('DELETE /admin')
  })

  test('routes - a method in small letters is the same, and a tunnel is named by where it leads', () => {
    expect(routesOf(sent('/x', { method: 'delete' }))[0].name).toBe('DELETE /x')
    expect(routesOf(sent('vault.example.com:443', { method: 'CONNECT' }))[0].name).toBe(
      'CONNECT vault.example.com:443',
    )
  })

  test('routes - a name has an end', () => {
    expect(routesOf(sent(`/${'a'.repeat(5000)}`))[0].name.length).toBe(500)
  })

  test('routes - hostile paths take no time', () => {
    const startedAt = performance.now()
    for (const path of ['/'.repeat(30_000), '/a.'.repeat(10_000), '%2e/'.repeat(10_000), '/;'.repeat(10_000)])
      routesOf(sent(path))
    expect(performance.now() - startedAt).toBeLessThan(500)
  })
})

describe('targets', () => {
  test('routes - the host that it names is another than the one it connects to', () => {
    const one = sent('/', { head: { host: 'vault.example.com' } })
    expect(targetsOf(one)).toEqual(['https://api.example.com', 'https://vault.example.com'])
    expect(doubtOf(one)).toContain('vault.example.com')
    expect(doubtOf(sent('/', { head: { host: 'API.example.com:443' } }))).toBeUndefined()
  })

  test('routes - what a proxy is told to ask comes first', () => {
    const one = sent('http://user:pass@vault.example.com/a/b?c', { origin: 'http://127.0.0.1:3128' })
    expect(routesOf(one)[0]).toEqual({ name: 'DELETE /a/b', target: 'http://vault.example.com' })
    expect(targetsOf(one)).toContain('http://127.0.0.1:3128')
    expect(urlOf(one)).toBe('http://vault.example.com/a/b?c')
  })

  test('routes - a host with a dot at its end is the same host', () => {
    expect(targetsOf(sent('/', { origin: 'https://api.example.com.:8443' }))).toEqual([
      'https://api.example.com:8443',
      'https://api.example.com.:8443',
    ])
  })

  test('routes - where the program connects by itself, it may be anywhere', () => {
    const one = sent('/', { isConnectedByProgram: true })
    expect(targetsOf(one)).toEqual(['https://api.example.com', undefined])
    expect(doubtOf(one)).toContain('may go anywhere')
  })

  test('routes - a unix socket is a target of its own', () => {
    expect(routesOf(sent('/containers/json', { origin: 'unix:/var/run/docker.sock' }))).toEqual([
      { name: 'DELETE /containers/json', target: 'unix:/var/run/docker.sock' },
    ])
  })
})

test.each([
  ['/v1/customers/7?force=1'],
  ['/v1/a/../customers'],
  ['/v1/%63ustomers/%ff'],
  ['//v1///customers;x/a%2fb'],
  ['/100%'],
])('routes - %j is what the pipeline reads on a span of the same request', (path) => {
  const spans = read('http', {
    'http.request.method': 'DELETE',
    'url.full': `https://api.example.com${path}`,
  })
  const routes = routesOf(sent(path))
  expect(new Set(routes.map(({ name }) => name))).toEqual(new Set(spans.flatMap(({ names }) => names)))
  for (const { target } of spans) expect(target).toBe(routes[0].target)
})

import { describe, expect, it } from 'vitest'
import type { Sample } from './encode.ts'
import { read, table, told } from './plain-spans.ts'

describe('HTTP and Kubernetes', () => {
  table('http', [
    [
      'the older names',
      { 'http.method': 'DELETE', 'http.url': 'https://api.example.com:8443/v1/customers/7?force=1' },
      ['DELETE /v1/customers/7 @ https://api.example.com:8443'],
    ],
    [
      'the stable names',
      { 'http.request.method': 'DELETE', 'url.full': 'https://api.example.com/v1/customers/7' },
      ['DELETE /v1/customers/7 @ https://api.example.com'],
    ],
    [
      'parts of a URL',
      {
        'http.request.method': 'POST',
        'url.path': '/v1/payments',
        'server.address': 'pay.example.com',
        'server.port': 443n,
        'url.scheme': 'https',
      },
      ['POST /v1/payments @ https://pay.example.com'],
    ],
    [
      'older parts of a URL',
      {
        'http.method': 'POST',
        'http.target': '/v1/payments?x',
        'net.peer.name': 'pay.example.com',
        'http.scheme': 'http',
        'net.peer.port': 8080n,
      },
      ['POST /v1/payments @ http://pay.example.com:8080'],
    ],
    [
      'a method that instrumentations do not know',
      {
        'http.request.method': '_OTHER',
        'http.request.method_original': 'Purge',
        'url.full': 'http://cache/x',
      },
      ['PURGE /x @ http://cache'],
    ],
    [
      'one that nobody names',
      { 'http.request.method': '_OTHER', 'url.full': 'http://cache/x' },
      ['? /x @ http://cache ?'],
    ],
    ['no path', { 'http.request.method': 'DELETE', 'server.address': 'x' }, ['DELETE ? @ https://x ?']],
    ['a server', { 'http.request.method': 'DELETE', 'url.path': '/x' }, [], { kind: 2 }],
    ['nothing of HTTP', { 'db.system': 'mysql' }, []],
  ])

  it('plain http - a path has every spelling that a server may make of it', () => {
    const names = (url: string) =>
      read('http', { 'http.method': 'DELETE', 'http.url': url }).flatMap(({ names }) => names)
    expect(names('http://x/v1/a/../customers')).toContain('DELETE /v1/customers')
    expect(names('http://x/v1/%63ustomers')).toContain('DELETE /v1/customers')
    expect(names('http://x/v1/a/%2e%2e/customers')).toContain('DELETE /v1/customers')
    expect(names('http://x//v1/customers')).toContain('DELETE //v1/customers')
    expect(names('http://x//v1///customers')).toContain('DELETE /v1/customers')
    expect(names('http://x/v1;a=b/customers')).toContain('DELETE /v1/customers')
    expect(names('http://x/a/..;/v1/customers')).toContain('DELETE /v1/customers')
    expect(names('http://x/v1/%63ustomers/%ff')).toContain('DELETE /v1/customers/\ufffd')
    expect(names('http://x/%76%31/customers/100%')).toContain('DELETE /v1/customers/100%')
    expect(names('http://x/a/..%2fv1/customers/%zz')).toContain('DELETE /v1/customers/%zz')
    expect(names('http://x/100%')).toEqual(['DELETE /100%'])
  })

  const k8s = (method: string, path: string, more: Record<string, Sample> = {}) =>
    told(read('k8s', { 'http.request.method': method, 'url.full': `https://10.0.0.1:6443${path}`, ...more }))

  it.each<[string, string, string[]]>([
    [
      'DELETE',
      '/apis/apps/v1/namespaces/shop/deployments/web',
      ['delete deployments.apps @ 10.0.0.1:6443/shop/web'],
    ],
    ['DELETE', '/api/v1/namespaces/shop/pods/web-1', ['delete pods @ 10.0.0.1:6443/shop/web-1']],
    ['DELETE', '/api/v1/namespaces/shop/pods', ['deletecollection pods @ 10.0.0.1:6443/shop/']],
    ['DELETE', '/api/v1/namespaces/shop', ['delete namespaces @ 10.0.0.1:6443//shop']],
    ['PUT', '/api/v1/namespaces/shop/finalize', ['update namespaces/finalize @ 10.0.0.1:6443//shop']],
    [
      'POST',
      '/api/v1/namespaces/shop/pods/web-1/exec?command=sh',
      ['create pods/exec @ 10.0.0.1:6443/shop/web-1'],
    ],
    [
      'PATCH',
      '/apis/rbac.authorization.k8s.io/v1/clusterroles/admin',
      ['patch clusterroles.rbac.authorization.k8s.io @ 10.0.0.1:6443//admin'],
    ],
    ['GET', '/api/v1/secrets', ['list secrets @ 10.0.0.1:6443//']],
    ['GET', '/api/v1/secrets?watch=true', ['watch secrets @ 10.0.0.1:6443//']],
    ['GET', '/k8s/clusters/c-1/api/v1/nodes/n1', ['get nodes @ 10.0.0.1:6443//n1']],
    [
      'DELETE',
      '/apis/example.com/v1alpha1/namespaces/a/widgets/b',
      ['delete widgets.example.com @ 10.0.0.1:6443/a/b'],
    ],
    [
      'DELETE',
      '/apis/stable.example.com/latest/namespaces/a/widgets/b',
      ['delete widgets.stable.example.com @ 10.0.0.1:6443/a/b'],
    ],
    ['DELETE', '/apis/shop/latest/widgets/b', []],
    ['DELETE', '/api/v1/users/7', []],
    ['DELETE', '/v1/namespaces/a/pods/b', []],
    ['GET', '/healthz', []],
  ])('plain k8s - %s %s', (method, path, expected) => {
    expect(k8s(method, path)).toEqual(expected)
  })

  it('plain k8s - whoever names the deletion of one means the deletion of all as well', () => {
    const [action] = read('k8s', {
      'http.method': 'DELETE',
      'http.url': 'https://k/api/v1/namespaces/a/pods',
    })
    expect(action?.names).toEqual(['deletecollection pods', 'delete pods'])
  })
})

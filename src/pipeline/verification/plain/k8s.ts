import type { Span } from '../../otlp/span.ts'
import type { PlainAction } from './action.ts'
import { httpCallOf } from './http.ts'

/**
 * A request to a Kubernetes API server, told by its path: `delete deployments.apps` on `server/namespace/name`, a
 * subresource as `create pods/exec`. Words as in RBAC.
 */
export function readK8s(span: Span): PlainAction[] {
  const call = httpCallOf(span)
  if (call === undefined) return []
  const { method, paths, query, origin } = call
  const server = origin === undefined ? undefined : new URL(origin).host
  return paths.flatMap((path) => {
    const resource = resourceOf(path)
    if (resource === undefined) return []
    const { namespace = '', name = '' } = resource
    const action: PlainAction = {
      kind: 'k8s',
      names: namesOf(method, resource, query),
      ...(server === undefined ? {} : { target: `${server}/${namespace}/${name}` }),
      ...(VERBS.has(method) ? {} : { unsure: true }),
    }
    return [action]
  })
}

interface Resource {
  /** `deployments.apps`, `pods/exec`. */
  type: string
  namespace?: string
  name?: string
}

/**
 * `…/api/v1/…` and `…/apis/GROUP/VERSION/…`, behind whatever a proxy puts in front. Whoever defines a resource calls
 * its versions what he likes; his group has a dot in it.
 */
const API =
  /(?:^|\/)(?:api\/v1|apis\/(?:([a-z0-9.-]+)\/v\d+(?:(?:alpha|beta)\d+)?|([a-z0-9-]+\.[a-z0-9.-]+)\/[a-z][a-z0-9-]*))\/+(.+)$/s

function resourceOf(path: string): Resource | undefined {
  const [, versioned, defined, rest = ''] = API.exec(path) ?? []
  const group = versioned ?? defined
  const segments = rest.split('/').filter((segment) => segment !== '')
  // Long deprecated, still served: its own word in front.
  if (segments[0] === 'watch') segments.shift()
  // `namespaces/x` is the namespace itself, and with `status` or `finalize` a part of it.
  const isWithin =
    segments[0] === 'namespaces' && segments.length > 2 && !OF_NAMESPACES.has(segments[2] ?? '')
  const namespace = isWithin ? segments[1] : undefined
  const [plural, name, ...sub] = isWithin ? segments.slice(2) : segments
  if (plural === undefined || (group === undefined && !CORE.has(plural))) return undefined
  const type = `${plural}${group === undefined ? '' : `.${group}`}${sub[0] === undefined ? '' : `/${sub[0]}`}`
  return {
    type,
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
  }
}

const OF_NAMESPACES = new Set(['status', 'finalize'])

/** The core group takes no additions; other services have paths that begin like its own. */
const CORE = new Set([
  'bindings',
  'componentstatuses',
  'configmaps',
  'endpoints',
  'events',
  'limitranges',
  'namespaces',
  'nodes',
  'persistentvolumeclaims',
  'persistentvolumes',
  'pods',
  'podtemplates',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'serviceaccounts',
  'services',
])

const VERBS = new Map([
  ['GET', 'get'],
  ['HEAD', 'get'],
  ['POST', 'create'],
  ['PUT', 'update'],
  ['PATCH', 'patch'],
  ['DELETE', 'delete'],
])

/** Whoever writes a rule for `delete pods` means all of them at once as well. */
function namesOf(method: string, { type, name }: Resource, query: string): [string, ...string[]] {
  const verb = VERBS.get(method) ?? method.toLowerCase()
  if (verb === 'delete' && name === undefined) return [`deletecollection ${type}`, `delete ${type}`]
  if (verb === 'get' && name === undefined)
    return [/(^|&)watch=(1|true)/.test(query) ? `watch ${type}` : `list ${type}`]
  return [`${verb} ${type}`]
}

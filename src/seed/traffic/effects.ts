import type { Random } from '../random.ts'
import { KIND, type Place, type SpanId, type SpanSink, type SpanText } from '../spans/span.ts'
import type { Call } from '../world/actions.ts'
import type { Agent } from '../world/agents.ts'
import { SCOPE, serviceOf, serviceOfAgent } from '../world/services.ts'
import { judgementOf, type Recorded } from './judgement.ts'
import { sent } from './sent.ts'

/**
 * What an execution leaves in the trace, by whoever instrumented the libraries below the gate: the first span stands
 * below the action, each other one below the one before it.
 */
export function stepsOf(agent: Agent, { effect, kind, name }: Call, request?: Recorded): SpanText[] {
  const service = serviceOfAgent(agent)
  const post = (host: string, method: string, path: string): SpanText => ({
    service,
    scope: SCOPE.undici,
    name: method,
    kind: KIND.client,
    attributes: {
      'http.request.method': method,
      'http.response.status_code': 200n,
      'server.address': host,
      'server.port': 443n,
      'url.full': `https://${host}${path}`,
    },
  })
  switch (effect.of) {
    case 'nothing':
      return []
    case 'server':
      return [post(effect.host, 'POST', '/mcp')]
    case 'service': {
      const backend = serviceOf(effect.service, agent.environment)
      const database = effect.service.replace('-api', '')
      return [
        post(`${effect.service}.seed.example`, effect.method, effect.route),
        served(backend, effect.method, effect.route),
        queried(backend, database, effect.query),
      ]
    }
    case 'postgres': {
      const text = queried(service, effect.database, effect.query)
      return [judged(text, { kind, name, target: effect.database }, request)]
    }
    case 'aws': {
      const attributes = {
        'cloud.region': 'eu-central-1',
        'rpc.method': effect.method,
        'rpc.service': effect.service,
        'rpc.system': 'aws-api',
      }
      const text = {
        service,
        scope: SCOPE.aws,
        name: `${effect.service}.${effect.method}`,
        kind: KIND.client,
        attributes,
      }
      return [judged(text, { kind, name, target: '' }, request)]
    }
  }
}

const served = (service: SpanText['service'], method: string, route: string): SpanText => ({
  service,
  scope: SCOPE.http,
  name: `${method} ${route}`,
  kind: KIND.server,
  attributes: {
    'http.request.method': method,
    'http.response.status_code': 200n,
    'http.route': route,
    'url.path': route,
    'url.scheme': 'https',
  },
})

const queried = (service: SpanText['service'], database: string, query: string): SpanText => ({
  service,
  scope: SCOPE.pg,
  name: `pg.query:${query.split(' ', 1)[0]} ${database}`,
  kind: KIND.client,
  attributes: {
    'db.namespace': database,
    'db.query.text': query,
    'db.system.name': 'postgresql',
    'server.address': `${database}-db.seed.example`,
    'server.port': 5432n,
  },
})

/** Below an action that was approved, what its library saw is testimony of that, and found to be so. */
function judged(
  text: SpanText,
  action: { kind: string; name: string; target: string },
  request: Recorded | undefined,
): SpanText {
  if (request?.spent?.trace === undefined) return text
  const detail = `what the approved action of span ${request.spent.trace.spanId} did`
  return {
    ...text,
    judgement: judgementOf(text.attributes, {
      verification: 'verified',
      detail,
      request,
      isEffect: true,
      outcome: 'executed',
      ...action,
    }),
  }
}

const SELF_US = 900

/** Each within the one above it. */
export function runSteps(
  steps: readonly SpanText[],
  place: { trace: Place['trace']; parent: SpanId; startUs: number; durationUs: number },
  random: Random,
  { add }: SpanSink,
): void {
  let { parent, startUs, durationUs } = place
  for (const text of steps) {
    const id: SpanId = [random.u32(), random.u32()]
    const lead = Math.min(Math.round(SELF_US * (0.5 + random.real())), Math.floor(durationUs / 4))
    startUs += lead
    durationUs -= 2 * lead
    add(text, sent({ trace: place.trace, id, parent, startUs, durationUs }, random, text))
    parent = id
  }
}

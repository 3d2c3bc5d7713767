import type { Scope, Service } from '../spans/span.ts'
import type { Agent } from './agents.ts'
import { NAMESPACE } from './names.ts'

/** Whoever made a span, as it stands on it. */
export const SCOPE = {
  /** The gate's own. */
  holdpoint: { name: 'holdpoint', version: '' },
  agent: { name: '@seed.example/agent-telemetry', version: '2.3.1' },
  http: { name: '@opentelemetry/instrumentation-http', version: '0.207.0' },
  undici: { name: '@opentelemetry/instrumentation-undici', version: '0.18.0' },
  pg: { name: '@opentelemetry/instrumentation-pg', version: '0.60.0' },
  aws: { name: '@opentelemetry/instrumentation-aws-sdk', version: '0.62.0' },
} as const satisfies Record<string, Scope>

const known = new Map<string, Service>()

/** A process that sends telemetry: an agent's, one that it calls, or one of Holdpoint's own. */
export function serviceOf(name: string, environment = 'prod', version = '1.14.2'): Service {
  const key = `${name} ${environment}`
  const made = known.get(key)
  if (made) return made
  const service: Service = {
    name,
    attributes: {
      'deployment.environment.name': environment,
      'host.name': `${name}-6c9d7f-${(name.length * 7919).toString(36)}`,
      'service.name': name,
      'service.namespace': NAMESPACE,
      'service.version': version,
      'telemetry.sdk.language': 'nodejs',
      'telemetry.sdk.name': 'opentelemetry',
      'telemetry.sdk.version': '2.3.0',
    },
  }
  known.set(key, service)
  return service
}

export const serviceOfAgent = ({ service, environment }: Agent): Service => serviceOf(service, environment)

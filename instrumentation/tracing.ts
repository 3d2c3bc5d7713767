import { createRequire } from 'node:module'
import { join } from 'node:path'
import { type Tracer, type TracerProvider, trace } from '@opentelemetry/api'

/** What this process exports its spans with: what the program has started, else what we start. */
export interface Tracing {
  tracer: Tracer
  /** The program hands over the provider that it wants spans to go to. */
  use(provider: TracerProvider): void
  flush(): Promise<void>
}

/**
 * Where the first span is opened and the program has not started an OpenTelemetry SDK by then, but has one installed,
 * it is started: `OTEL_*` means what it always means. Not sooner: `NODE_OPTIONS` comes before all that the program
 * itself does, and whoever registers a provider first would keep it. Without an SDK the gate holds all the same.
 */
export function createTracing(serviceName: string): Tracing {
  let found: Tracer | undefined
  let hasTried = false

  function current(): Tracer {
    if (found !== undefined) return found
    if (!hasProvider() && !hasTried) {
      hasTried = true
      startSdk(serviceName)
    }
    const tracer = trace.getTracer('holdpoint')
    // A program may start its own later on: what has no provider behind it is asked for again.
    if (hasProvider()) found = tracer
    return tracer
  }

  return {
    tracer: {
      startSpan: (...given) => current().startSpan(...given),
      startActiveSpan: (...given: unknown[]) =>
        current().startActiveSpan(...(given as [never, never, never])),
    },
    use(provider) {
      found = provider.getTracer('holdpoint')
    },
    async flush() {
      await delegate().forceFlush?.()
    },
  }
}

function startSdk(serviceName: string): void {
  // From the application's folder: it decides which version it has, or that it has none.
  const fromApplication = createRequire(join(process.cwd(), 'package.json'))
  let sdk: SdkNode
  try {
    sdk = fromApplication('@opentelemetry/sdk-node') as SdkNode
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return
    throw error
  }
  // Traces alone: metrics and logs of the application are its own affair.
  new sdk.NodeSDK({ serviceName, instrumentations: [], metricReaders: [], logRecordProcessors: [] }).start()
}

interface SdkNode {
  NodeSDK: new (options: object) => { start(): void }
}

/** By shape: the API has an ESM and a CommonJS copy, and each has classes of its own. */
function delegate(): Provider {
  const provider = trace.getTracerProvider() as Provider
  return provider.getDelegate?.() ?? provider
}

interface Provider extends TracerProvider {
  getDelegate?(): Provider
  forceFlush?(): Promise<void>
}

/** The API's stand-in makes spans that record nothing. */
const hasProvider = (): boolean => delegate().forceFlush !== undefined

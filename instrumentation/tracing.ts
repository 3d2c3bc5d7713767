import { createRequire } from 'node:module'
import { join } from 'node:path'
import { trace } from '@opentelemetry/api'

/** What this process exports its spans with, where we started it or found it. */
export interface Tracing {
  flush(): Promise<void>
}

/**
 * Starts the OpenTelemetry SDK where the application has it installed and has not started one: `OTEL_*` means what
 * it always means. Without an SDK the gate holds all the same; there are then no spans.
 */
export function startTracing(serviceName: string): Tracing {
  if (!hasProvider()) startSdk(serviceName)
  return {
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

interface Provider {
  getDelegate?(): Provider
  forceFlush?(): Promise<void>
}

/** The API's stand-in makes spans that record nothing. */
const hasProvider = (): boolean => delegate().forceFlush !== undefined

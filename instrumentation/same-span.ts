import { type Span, trace } from '@opentelemetry/api'

/**
 * The span that another instrumentation has opened around this very call, if it says so by all of these attributes, each
 * under one of its names. It is the call's span already: a second one below it would be a second action.
 */
export function spanOpenedFor(
  telling: readonly (readonly [names: readonly string[], value: string])[],
): Span | undefined {
  const span = trace.getActiveSpan()
  const attributes = (span as { attributes?: Readonly<Record<string, unknown>> } | undefined)?.attributes
  if (span === undefined || attributes === undefined || !span.isRecording()) return undefined
  return telling.every(([names, value]) => names.some((name) => attributes[name] === value))
    ? span
    : undefined
}

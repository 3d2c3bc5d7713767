// How OpenTelemetry's own instrumentations hook ES modules: an asynchronous loader that wraps everything.
import { register } from 'node:module'

register('@opentelemetry/instrumentation/hook.mjs', import.meta.url)

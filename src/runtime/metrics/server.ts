import { createHttpServer, type HttpServer, type HttpServerConfig } from '../http-server.ts'
import type { Log } from '../log.ts'
import { EXPOSITION_TYPE } from './exposition.ts'

/** OpenTelemetry's usual port for Prometheus, and the one after it: broker and pipeline may share a machine. */
export const METRICS_PORTS = { broker: 9464, pipeline: 9465, desk: undefined, up: undefined } as const

export interface MetricsServerDeps {
  /** All metrics of this process, as Prometheus' text. */
  exposition(): Promise<string>
  /** Why the process cannot do its work now; undefined while it can. */
  whyNotReady(): string | undefined
  log: Log
}

/** For whoever runs the process: /metrics, /healthz and /readyz, on a port that nobody else needs to reach. */
export function createMetricsServer(
  config: Omit<HttpServerConfig, 'name'>,
  { exposition, whyNotReady, log }: MetricsServerDeps,
): HttpServer {
  const pages: Readonly<Record<string, () => Response | Promise<Response>>> = {
    '/metrics': async () => answer(200, await exposition(), EXPOSITION_TYPE),
    '/healthz': () => answerJson(200, { status: 'alive' }),
    '/readyz': () => {
      const reason = whyNotReady()
      return reason === undefined
        ? answerJson(200, { status: 'ready' })
        : answerJson(503, { status: 'not ready', reason })
    },
  }

  async function fetch(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url)
    if (!Object.hasOwn(pages, pathname))
      return answer(404, `no such path; there are ${Object.keys(pages).join(', ')}\n`)
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return answer(405, 'this is read\n', TEXT, { allow: 'GET, HEAD' })
    try {
      return (await pages[pathname]?.()) as Response
    } catch (error) {
      log.error('metrics could not be read', { error })
      return answer(500, 'metrics could not be read; the log says why\n')
    }
  }

  return createHttpServer({ name: 'metrics', ...config }, { fetch, log })
}

const TEXT = 'text/plain; charset=utf-8'

const answer = (status: number, body: string, type = TEXT, headers: Record<string, string> = {}): Response =>
  new Response(body, {
    status,
    headers: {
      'content-type': type,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...headers,
    },
  })

const answerJson = (status: number, body: object): Response =>
  answer(status, JSON.stringify(body), 'application/json')

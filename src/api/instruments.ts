import type { Instrument } from '#runtime'

/** What the REST face measures of itself. */
export const INSTRUMENTS = {
  /** https://opentelemetry.io/docs/specs/semconv/http/http-metrics/#metric-httpserverrequestduration */
  requests: {
    name: 'http.server.request.duration',
    kind: 'histogram',
    unit: 's',
    description: 'Duration of REST requests, to the first byte of the answer.',
    attributes: {
      'http.request.method': '`GET`, `HEAD`, `POST`, `OPTIONS` or `_OTHER`',
      'http.route': 'the name of the route, never the path',
      'http.response.status_code': 'as answered',
    },
    bounds: [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
  },
  streams: {
    name: 'holdpoint.api.streams',
    kind: 'updown',
    unit: '{stream}',
    description: 'Event streams that are open.',
    attributes: {},
  },
} as const satisfies Record<string, Instrument>

import { metrics } from '@opentelemetry/api'
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { HoldpointError } from '#contract'
import { METHOD, openClient } from './grpc-client.ts'
import { BODY, post, startReceiving } from './receiving.ts'

class Reader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}
const reader = new Reader()

beforeAll(() => {
  metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }))
})
afterAll(() => metrics.disable())

it('receiver - what senders were answered is counted by signal, protocol and code', async () => {
  const receiving = await startReceiving()
  receiving.become = ({ signal }) => {
    if (signal === 'logs') throw new HoldpointError('UNAVAILABLE', 'the store is down', { retryable: true })
    return { rejected: 0 }
  }
  await post(receiving.url('/v1/traces'), BODY)
  await post(receiving.url('/v1/traces'), BODY)
  await post(receiving.url('/v1/logs'), BODY)
  await post(receiving.url('/v1/profiles'), BODY)
  await openClient(receiving.grpcPort())(METHOD.metrics, BODY)

  const { resourceMetrics } = await reader.collect()
  const counted = resourceMetrics.scopeMetrics.flatMap((scope) => scope.metrics)
  const requests = counted.find(({ descriptor }) => descriptor.name === 'holdpoint.pipeline.requests')
  expect(requests?.dataPoints.map(({ attributes, value }) => [attributes, value])).toEqual([
    [{ signal: 'traces', protocol: 'http', code: 0 }, 2],
    [{ signal: 'logs', protocol: 'http', code: 14 }, 1],
    [{ signal: 'metrics', protocol: 'grpc', code: 0 }, 1],
  ])
})

import nodeHttp from 'node:http'
import { createRequire } from 'node:module'
import * as s3 from '@aws-sdk/client-s3'
import { trace } from '@opentelemetry/api'
import { AwsInstrumentation } from '@opentelemetry/instrumentation-aws-sdk'
import { UndiciInstrumentation } from '@opentelemetry/instrumentation-undici'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { aws } from '../../../instrumentation/aws/index.ts'
import { http } from '../../../instrumentation/http/index.ts'
import { type RecordedSpans, recordSpans } from '../../support/spans.ts'
import { type HttpScene, startHttpScene } from '../http/scene.ts'
import { startS3 } from './s3.ts'

const require = createRequire(import.meta.url)
const core = require('@smithy/core/client')
let scene: HttpScene
let spans: RecordedSpans
let store: Awaited<ReturnType<typeof startS3>>

beforeAll(async () => {
  spans = recordSpans()
  store = await startS3()
  scene = await startHttpScene()
  aws.patch(core, scene.gate)
  http.patch(nodeHttp as never, scene.gate)
})
afterAll(async () => {
  await store?.stop()
  await scene?.stop()
  await spans?.stop()
})
afterEach(() => {
  scene.reset()
  store.requests.length = 0
  spans.reset()
})

const clientOf = (more: Partial<s3.S3ClientConfig> = {}) =>
  new s3.S3Client({
    region: 'eu-west-1',
    endpoint: store.endpoint,
    forcePathStyle: true,
    credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 's3cret' },
    maxAttempts: 1,
    ...more,
  })
const sent = () => store.requests.map(({ operation, path }) => `${operation} ${path}`)
const put = () => new s3.PutObjectCommand({ Bucket: 'invoices', Key: 'a.txt', Body: Buffer.from('hello') })
const get = () => new s3.GetObjectCommand({ Bucket: 'invoices', Key: 'a.txt' })

interface Given {
  input: Record<string, unknown>
  request: { path: string; method: string; body: Buffer; query: Record<string, string>; hostname: string }
}
type Change = (given: Given) => Given
const CHANGES: [string, object, Change][] = [
  [
    'the input, before it is serialized',
    { relation: 'before', toMiddleware: 'serializerMiddleware' },
    (given) => ({ ...given, input: { ...given.input, Key: 'secret' } }),
  ],
  [
    'the input, where it is',
    { relation: 'before', toMiddleware: 'serializerMiddleware' },
    (given) => Object.assign(given, { input: Object.assign(given.input, { Bucket: 'other' }) }),
  ],
  [
    'what is added to the input',
    { step: 'serialize', priority: 'high' },
    (given) => ({ ...given, input: { ...given.input, ACL: 'public-read' } }),
  ],
  [
    'the path, when it is built',
    { step: 'build' },
    (given) => Object.assign(given, { request: Object.assign(given.request, { path: '/other/secret' }) }),
  ],
  [
    'the query, at the end',
    { step: 'deserialize', priority: 'low' },
    (given) => Object.assign(given, { request: Object.assign(given.request, { query: { acl: '' } }) }),
  ],
  [
    'the method, before it is signed',
    { step: 'finalizeRequest', priority: 'high' },
    (given) => Object.assign(given, { request: Object.assign(given.request, { method: 'DELETE' }) }),
  ],
  [
    'the bytes of the body',
    { step: 'build', priority: 'low' },
    (given) => {
      given.request.body?.fill?.('x')
      return given.request.body === undefined
        ? Object.assign(given, { request: Object.assign(given.request, { body: 'x' }) })
        : given
    },
  ],
]

describe.each([
  ['an approved call', put],
  ['an allowed call', get],
])('%s', (_name, command) => {
  test.each(CHANGES)(
    'aws - whoever changes %s, by a middleware, sends nothing',
    async (_what, place, change) => {
      scene.broker.onRequest = () => 'approved'
      for (const on of ['client', 'command'] as const) {
        const client = clientOf()
        const one = command()
        const stack = (on === 'client' ? client : one).middlewareStack as never as {
          add: (...given: unknown[]) => void
          addRelativeTo: (...given: unknown[]) => void
        }
        const middleware = (next: (given: unknown) => unknown) => (given: unknown) =>
          next(change(given as Given))
        if ('relation' in place) stack.addRelativeTo(middleware, place)
        else stack.add(middleware, place)
        await expect(client.send(one as never)).rejects.toMatchObject({ code: 'WARRANT_MISMATCH' })
      }
      expect(sent()).toEqual([])
    },
  )
})

test('aws - a middleware that makes a call again has it asked for again, where it is another one', async () => {
  scene.broker.onRequest = ({ attempt }) => (attempt.action.target?.endsWith('a.txt') ? 'approved' : 'denied')
  const client = clientOf()
  client.middlewareStack.add(
    (next) => async (given) => {
      await next(given)
      return next({ ...given, input: { ...given.input, Key: 'secret' } as never })
    },
    { step: 'initialize', priority: 'high' },
  )
  await expect(client.send(put())).rejects.toMatchObject({ code: 'APPROVAL_DENIED' })
  expect(scene.broker.requests.map(({ attempt }) => attempt.action.target)).toEqual([
    'arn:aws:s3:::invoices/a.txt',
    'arn:aws:s3:::invoices/secret',
  ])
  expect(sent()).toEqual(['PUT PutObject /invoices/a.txt'])
})

test('aws - a client that keeps its middleware, and one that sends through a handler of its own, are held as well', async () => {
  scene.broker.onRequest = () => 'denied'
  const cached = clientOf({ cacheMiddleware: true })
  for (const _ of [1, 2]) await expect(cached.send(put())).rejects.toMatchObject({ code: 'APPROVAL_DENIED' })
  const handler = { handle: async () => ({ response: { statusCode: 200, headers: {}, body: undefined } }) }
  await expect(clientOf({ requestHandler: handler as never }).send(put())).rejects.toMatchObject({
    code: 'APPROVAL_DENIED',
  })
  expect(scene.broker.requests).toHaveLength(3)
})

describe('beside the instrumentations of OpenTelemetry', () => {
  const others = () => [new AwsInstrumentation(), new UndiciInstrumentation()]
  const patchOthers = (instrumentations: ReturnType<typeof others>) => {
    for (const one of instrumentations) {
      one.setTracerProvider(trace.getTracerProvider())
      // Its own way to find the module is a loader hook, which no test has.
      if (one instanceof AwsInstrumentation)
        (one as unknown as { patchV3SmithyClient(exports: object): void }).patchV3SmithyClient(core)
    }
  }

  test('aws - enabled after ours, and disabled again, they neither remove the gate nor make a second action', async () => {
    const instrumentations = others()
    patchOthers(instrumentations)
    scene.broker.onRequest = () => 'approved'
    await clientOf().send(put())
    expect(scene.broker.requests).toHaveLength(1)
    // One call is one span: theirs, with what ours says.
    expect(spans.named('execute_tool s3:PutObject')).toEqual([])
    const [span, ...more] = spans.all().filter(({ attributes }) => attributes['rpc.system'] === 'aws-api')
    expect(more).toEqual([])
    expect(span?.attributes).toMatchObject({
      'rpc.service': 'S3',
      'rpc.method': 'PutObject',
      'holdpoint.action.target': 'arn:aws:s3:::invoices/a.txt',
      'holdpoint.approval.decision': 'approved',
      'holdpoint.outcome': 'executed',
    })
    expect(scene.broker.requests[0]?.attempt.action.trace.spanId).toBe(span?.spanContext().spanId)
    for (const one of instrumentations) {
      if (one instanceof AwsInstrumentation)
        (one as unknown as { unpatchV3SmithyClient(exports: object): void }).unpatchV3SmithyClient(core)
      one.disable()
    }
    scene.broker.onRequest = () => 'denied'
    await expect(clientOf().send(put())).rejects.toMatchObject({ code: 'APPROVAL_DENIED' })
  })

  test('aws - patched once more, ours asks once', async () => {
    aws.patch(core, scene.gate)
    scene.broker.onRequest = () => 'approved'
    await clientOf().send(put())
    expect(scene.broker.requests).toHaveLength(1)
  })
})

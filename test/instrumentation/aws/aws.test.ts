import nodeHttp from 'node:http'
import { createRequire } from 'node:module'
import { Readable } from 'node:stream'
import * as s3 from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { aws } from '../../../instrumentation/aws/index.ts'
import { http } from '../../../instrumentation/http/index.ts'
import { type RecordedSpans, recordSpans } from '../../support/spans.ts'
import { allowList, HTTP_POLICY, type HttpScene, SOON, startHttpScene } from '../http/scene.ts'
import { startS3 } from './s3.ts'

const require = createRequire(import.meta.url)
let scene: HttpScene
let spans: RecordedSpans
let store: Awaited<ReturnType<typeof startS3>>
let version = 2

beforeAll(async () => {
  spans = recordSpans()
  store = await startS3()
  scene = await startHttpScene()
  aws.patch(require('@smithy/core/client'), scene.gate)
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
  store.objects.clear()
  spans.reset()
})

const clientOf = (more: Partial<s3.S3ClientConfig> = {}) =>
  new s3.S3Client({
    region: 'eu-west-1',
    endpoint: store.endpoint,
    forcePathStyle: true,
    credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 's3cret' },
    ...more,
  })
const sent = () => store.requests.map(({ operation, path }) => `${operation} ${path}`)
const put = (Body: unknown, Key = 'a.txt') =>
  new s3.PutObjectCommand({ Bucket: 'invoices', Key, Body: Body as never })

/** Another policy in force from here on, by which this kind of action is ruled so. */
async function publish(policy: string, says: string, action: { kind: string; name: string }): Promise<void> {
  scene.broker.publishPolicy(policy, ++version)
  await vi.waitFor(() => expect(scene.gate.foresee({ ...action, arguments: {} })).toBe(says), SOON)
}
const PUT = { kind: 'aws', name: 's3:PutObject' }
const GET = { kind: 'http', name: 'GET /' }

describe('one call', () => {
  test('aws - what policy allows runs untouched, with its span, and nobody is asked', async () => {
    store.objects.set('/invoices/a.txt', Buffer.from('hello'))
    const { Body } = await clientOf().send(new s3.GetObjectCommand({ Bucket: 'invoices', Key: 'a.txt' }))
    expect(await Body?.transformToString()).toBe('hello')
    expect(scene.broker.requests).toEqual([])
    expect(spans.named('execute_tool s3:GetObject')[0]?.attributes).toMatchObject({
      'holdpoint.action.kind': 'aws',
      'holdpoint.action.target': 'arn:aws:s3:::invoices/a.txt',
      'holdpoint.outcome': 'executed',
    })
  })

  test('aws - a held call is not signed, and what was approved is what is sent, once', async () => {
    const sign = vi.fn(async () => ({ accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 's3cret' }))
    const input = { Bucket: 'invoices', Key: 'a.txt', Body: Buffer.from('hello'), Metadata: { by: 'ada' } }
    const answer = clientOf({ credentials: sign }).send(new s3.PutObjectCommand(input))
    const { attempt } = await scene.opened()
    expect(attempt.action).toMatchObject({
      kind: 'aws',
      name: 's3:PutObject',
      target: 'arn:aws:s3:::invoices/a.txt',
      arguments: {
        Bucket: 'invoices',
        Key: 'a.txt',
        $region: 'eu-west-1',
        Metadata: { by: 'ada' },
        Body: { text: 'hello', bytes: 5 },
      },
    })
    expect(sign).not.toHaveBeenCalled()
    input.Key = 'b.txt'
    input.Metadata.by = 'eve'
    input.Body.fill('x')
    scene.broker.decide(scene.broker.requests[0] as never, 'approved')
    expect((await answer).ETag).toMatch(/^"/)
    expect(sent()).toEqual(['PUT PutObject /invoices/a.txt'])
    expect(store.requests[0]).toMatchObject({ body: 'hello', headers: { 'x-amz-meta-by': 'ada' } })
    await vi.waitFor(() => expect(scene.broker.outcomes).toMatchObject([{ outcome: 'executed' }]), SOON)
  })

  test('aws - a denied call sends nothing and throws code, id and reason, without being tried again', async () => {
    const answer = clientOf().send(new s3.DeleteBucketCommand({ Bucket: 'invoices' }))
    const refused = expect(answer).rejects.toMatchObject({
      name: 'HoldpointRefused',
      code: 'APPROVAL_DENIED',
      requestId: expect.stringMatching(/^1-/),
      message: expect.stringMatching(/s3:DeleteBucket was not run.*Audit first/),
    })
    const request = await scene.opened()
    expect(request.attempt.action.target).toBe('arn:aws:s3:::invoices')
    scene.broker.decide(request, 'denied', 'Audit first')
    await refused
    expect([sent(), scene.broker.requests.length]).toEqual([[], 1])
  })

  test('aws - an aborted call is withdrawn, and an approval that comes late sends nothing', async () => {
    const caller = new AbortController()
    const answer = clientOf().send(new s3.DeleteBucketCommand({ Bucket: 'b' }), {
      abortSignal: caller.signal,
    })
    const request = await scene.opened()
    caller.abort()
    await expect(answer).rejects.toMatchObject({ name: 'AbortError' })
    await vi.waitFor(() => expect(request.state).toBe('cancelled'), SOON)
    expect(sent()).toEqual([])
  })

  test('aws - calls of one moment are held, decided and sent independently', async () => {
    const client = clientOf()
    const answers = ['a', 'b', 'c'].map((Bucket) =>
      client.send(new s3.DeleteBucketCommand({ Bucket })).then(
        () => 'done',
        (error) => error.code,
      ),
    )
    await scene.opened(3)
    for (const request of scene.broker.requests)
      scene.broker.decide(request, request.attempt.action.target?.endsWith(':b') ? 'approved' : 'expired')
    expect(await Promise.all(answers)).toEqual(['APPROVAL_EXPIRED', 'done', 'APPROVAL_EXPIRED'])
    expect(sent()).toEqual(['DELETE /b/'])
  })

  test('aws - attempts of one call are one action, and failing it is told', async () => {
    scene.broker.onRequest = () => 'approved'
    store.failNext(1)
    await clientOf().send(put('hello'))
    expect([sent().length, scene.broker.requests.length]).toEqual([2, 1])
    await expect(
      clientOf({ maxAttempts: 1 })
        .send(put('hello', 'x'))
        .then(() => store.failNext(1)),
    ).resolves.toBeUndefined()
    await expect(clientOf({ maxAttempts: 1 }).send(put('hello'))).rejects.toMatchObject({ name: 'SlowDown' })
    await vi.waitFor(
      () => expect(scene.broker.outcomes.at(-1)).toMatchObject({ outcome: 'failed', errorType: 'SlowDown' }),
      SOON,
    )
  })
})

describe('bodies', () => {
  test('aws - a stream is read while people decide, shown to them, and sent as it was read', async () => {
    const answer = clientOf().send(
      new s3.PutObjectCommand({
        Bucket: 'invoices',
        Key: 's',
        Body: Readable.from([Buffer.from('hel'), Buffer.from('lo')]),
        ContentLength: 5,
      }),
    )
    const request = await scene.opened()
    expect(request.attempt.action.arguments).toMatchObject({ Body: { text: 'hello', bytes: 5 } })
    scene.broker.decide(request, 'approved')
    await answer
    expect(store.objects.get('/invoices/s')?.toString()).toBe('hello')
  })

  test('aws - a stream beyond a megabyte is refused with the reason, and an allowed one passes', async () => {
    const long = () => Readable.from(Array.from({ length: 20 }, () => Buffer.alloc(64 * 1024, 97)))
    const command = () =>
      new s3.PutObjectCommand({ Bucket: 'invoices', Key: 'l', Body: long(), ContentLength: 20 * 64 * 1024 })
    await expect(clientOf().send(command())).rejects.toMatchObject({ code: 'PAYLOAD_TOO_LARGE' })
    expect(sent()).toEqual([])
    await publish(HTTP_POLICY.replace('"s3:Get*"', '"s3:Get*", "s3:Put*"'), 'allow', PUT)
    await clientOf().send(command())
    expect(store.objects.get('/invoices/l')?.length).toBe(20 * 64 * 1024)
    await publish(HTTP_POLICY, 'hold', PUT)
  })

  test('aws - the parts of an upload are calls of their own', async () => {
    scene.broker.onRequest = () => 'approved'
    const params = { Bucket: 'invoices', Key: 'big', Body: Buffer.alloc(6 * 1024 * 1024, 97) }
    await new Upload({ client: clientOf(), params, queueSize: 1 }).done()
    expect(scene.broker.requests.map(({ attempt }) => attempt.action.name)).toEqual([
      's3:CreateMultipartUpload',
      's3:UploadPart',
      's3:UploadPart',
      's3:CompleteMultipartUpload',
    ])
  })
})

describe('other ways to call', () => {
  test('aws - a URL is not signed before people have decided, and they are told that it is one', async () => {
    const url = getSignedUrl(clientOf(), put('x'), { expiresIn: 600 })
    const request = await scene.opened()
    expect(request.attempt.action).toMatchObject({
      name: 's3:PutObject',
      arguments: { Key: 'a.txt', $presigned: true },
    })
    scene.broker.decide(request, 'approved')
    expect(await url).toMatch(/X-Amz-Signature=[0-9a-f]{64}/)
    const denied = getSignedUrl(clientOf(), put('x'))
    scene.broker.decide(await scene.opened(2), 'denied')
    await expect(denied).rejects.toMatchObject({ code: 'APPROVAL_DENIED' })
    expect(await getSignedUrl(clientOf(), new s3.GetObjectCommand({ Bucket: 'b', Key: 'k' }))).toMatch(
      /Signature/,
    )
    expect(scene.broker.requests).toHaveLength(2)
    expect(sent()).toEqual([])
  })

  test('aws - each page and each look of a waiter is ruled on', async () => {
    const keys: unknown[] = []
    for await (const { Contents } of s3.paginateListObjectsV2({ client: clientOf() }, { Bucket: 'invoices' }))
      keys.push(...(Contents ?? []).map(({ Key }) => Key))
    expect(keys).toEqual(['a', 'b'])
    store.objects.set('/invoices/a.txt', Buffer.from('x'))
    await s3.waitUntilObjectExists(
      { client: clientOf(), maxWaitTime: 9 },
      { Bucket: 'invoices', Key: 'a.txt' },
    )
    expect(spans.named('execute_tool s3:HeadObject')).toHaveLength(1)
    expect(spans.named('execute_tool s3:ListObjectsV2')).toHaveLength(2)
    const aggregated = new s3.S3({
      region: 'eu-west-1',
      endpoint: store.endpoint,
      forcePathStyle: true,
      credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    })
    scene.broker.onRequest = () => 'denied'
    await expect(aggregated.deleteBucket({ Bucket: 'invoices' })).rejects.toMatchObject({
      code: 'APPROVAL_DENIED',
    })
    const called = new Promise((resolve) =>
      clientOf().send(new s3.DeleteBucketCommand({ Bucket: 'b' }), (error) => resolve(error)),
    )
    expect(await called).toMatchObject({ code: 'APPROVAL_DENIED' })
  })
})

describe('with a gate over HTTP that holds by default', () => {
  beforeAll(() => publish(allowList('http://nowhere'), 'hold', GET))
  afterAll(() => publish(HTTP_POLICY, 'allow', GET))

  test('aws - what a released call sends is not asked about again, on each attempt, and nothing else goes with it', async () => {
    scene.broker.onRequest = ({ attempt }) => (attempt.action.kind === 'aws' ? 'approved' : 'denied')
    store.failNext(1)
    await clientOf().send(put('hello'))
    store.objects.set('/invoices/a.txt', Buffer.from('hello'))
    await clientOf().send(new s3.GetObjectCommand({ Bucket: 'invoices', Key: 'a.txt' }))
    expect(
      scene.broker.requests.map(({ attempt }) => `${attempt.action.kind} ${attempt.action.name}`),
    ).toEqual(['aws s3:PutObject'])
    // Under the cover of the call, in one of its middlewares: another request, and the same one a second time.
    const client = clientOf()
    client.middlewareStack.add(
      (next) => async (given) => {
        const answer = await next(given)
        const again = nodeHttp
          .request(`${store.endpoint}/invoices/a.txt?x-id=PutObject`, { method: 'PUT' })
          .end()
        await new Promise((resolve) => again.on('error', resolve))
        return answer
      },
      { step: 'deserialize', priority: 'low' },
    )
    store.requests.length = 0
    await client.send(put('hello'))
    expect(sent()).toEqual(['PUT PutObject /invoices/a.txt'])
    expect(scene.broker.requests.map(({ attempt }) => attempt.action.kind)).toEqual(['aws', 'aws', 'http'])
  })
})

// A program that knows nothing of any gate: every client that it has, once allowed and once not.
import http, { get, request } from 'node:http'
import { createRequire } from 'node:module'
import { DeleteBucketCommand, GetObjectCommand, S3Client } from '@aws-sdk/client-s3'
import * as undici from 'undici'

const origin = process.argv[2]
const cjs = createRequire(import.meta.url)
const answered = (make) =>
  new Promise((resolve) => {
    make()
      .on('response', (one) => one.resume().on('end', () => resolve(one.statusCode)))
      .on('error', (error) => resolve(error.code))
      .end()
  })
const told = (promise) =>
  promise.then((one) => one.status ?? one.statusCode ?? 'done').catch((error) => error.code)

const s3 = new S3Client({
  region: 'eu-west-1',
  endpoint: origin,
  forcePathStyle: true,
  maxAttempts: 1,
  credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
})
const clients = {
  fetch: (path, method) => told(fetch(origin + path, { method })),
  'undici, imported': (path, method) => told(undici.request(origin + path, { method })),
  'undici, required': (path, method) => told(cjs('undici').fetch(origin + path, { method })),
  'http, default': (path, method) => answered(() => http.request(origin + path, { method })),
  'http, named': (path, method) => answered(() => request(origin + path, { method })),
  'http, required': (path, method) => answered(() => cjs('http').request(origin + path, { method })),
}
const results = {}
for (const [name, send] of Object.entries(clients))
  results[name] = [await send('/v1/models', 'POST'), await send('/v1/customers/1', 'DELETE')]
results.get = await answered(() => get(`${origin}/v1/models`))
results.aws = [
  await told(s3.send(new GetObjectCommand({ Bucket: 'b', Key: 'k' }))),
  await told(s3.send(new DeleteBucketCommand({ Bucket: 'b' }))),
]
console.log(JSON.stringify(results))

import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface S3Request {
  operation: string
  path: string
  body: string
  headers: Record<string, string | string[] | undefined>
}

/** S3's wire format, as far as a client reads it: XML, ETags, and 503 for as often as it is told. */
export async function startS3() {
  const requests: S3Request[] = []
  const objects = new Map<string, Buffer>()
  let failures = 0
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk) => chunks.push(chunk))
    request.on('end', () => {
      const url = new URL(request.url ?? '', 'http://s3')
      const raw = Buffer.concat(chunks)
      const body = /aws-chunked/.test(String(request.headers['content-encoding'])) ? unchunk(raw) : raw
      const operation =
        `${request.method} ${url.searchParams.get('x-id') ?? [...url.searchParams.keys()][0] ?? ''}`.trim()
      requests.push({ operation, path: url.pathname, body: body.toString(), headers: request.headers })
      if (failures > 0) {
        failures--
        response.writeHead(503).end('<Error><Code>SlowDown</Code><Message>Slow down</Message></Error>')
      } else answer(request.method ?? '', url, body, response)
    })
  })

  function answer(
    method: string,
    url: URL,
    body: Buffer,
    response: import('node:http').ServerResponse,
  ): void {
    const { pathname, searchParams } = url
    const etag = `"${createHash('md5').update(body).digest('hex')}"`
    const xml = (text: string) => response.writeHead(200, { 'content-type': 'application/xml' }).end(text)
    if (method === 'PUT') {
      objects.set(pathname, body)
      response.writeHead(200, { etag }).end()
    } else if (method === 'DELETE') {
      objects.delete(pathname)
      response.writeHead(204).end()
    } else if (method === 'HEAD') response.writeHead(objects.has(pathname) ? 200 : 404).end()
    else if (method === 'POST' && searchParams.has('uploads'))
      xml('<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>')
    else if (method === 'POST' && searchParams.has('uploadId'))
      xml(
        `<CompleteMultipartUploadResult><Location>x</Location><ETag>${etag}</ETag></CompleteMultipartUploadResult>`,
      )
    else if (searchParams.has('list-type')) {
      const isSecond = searchParams.has('continuation-token')
      xml(
        `<ListBucketResult><IsTruncated>${!isSecond}</IsTruncated>${isSecond ? '' : '<NextContinuationToken>n</NextContinuationToken>'}` +
          `<Contents><Key>${isSecond ? 'b' : 'a'}</Key></Contents></ListBucketResult>`,
      )
    } else {
      const object = objects.get(pathname)
      if (object === undefined) response.writeHead(404).end('<Error><Code>NoSuchKey</Code></Error>')
      else response.writeHead(200, { etag }).end(object)
    }
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    objects,
    /** The next so many requests are told to come again. */
    failNext(count: number) {
      failures = count
    },
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Chunks with their signatures, and a trailer after the last. */
function unchunk(raw: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; ; ) {
    const end = raw.indexOf('\r\n', at)
    const length = Number.parseInt(raw.subarray(at, end).toString(), 16)
    if (!(length > 0)) return Buffer.concat(parts)
    parts.push(raw.subarray(end + 2, end + 2 + length))
    at = end + 2 + length + 2
  }
}

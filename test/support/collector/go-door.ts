import { createServer, request as requestHttp } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import type { ClickHouseTarget } from '#store'

export interface GoDoor {
  url: string
  /** `shut`: every connection is ended unanswered, at once; `mute`: statements are run, and their answers lost. */
  set(state: 'open' | 'shut' | 'mute'): void
  stop(): Promise<void>
}

const HELLO = 'SELECT displayName(), version(), revision(), timezone()'

/**
 * The embedded engine as Go's client of ClickHouse, and so the stock exporter, can use it. That client greets a
 * server over HTTP in a revision of the Native format that only a server's own handler writes. Here the greeting is
 * answered, with revision 0, and from then on the client reads and writes what the engine itself does. Compression
 * has to be `none`: clickhouse-go's others are the server's own framing.
 */
export async function openGoDoor(target: ClickHouseTarget): Promise<GoDoor> {
  let state: Parameters<GoDoor['set']>[0] = 'open'
  const server = createServer(async (incoming, outgoing) => {
    const body = await buffer(incoming).catch(() => undefined)
    if (state === 'shut' || body === undefined) return void outgoing.destroy()
    if (body.toString() === HELLO) return void outgoing.end(hello())
    const url = new URL(incoming.url ?? '/', target.url)
    url.searchParams.delete('client_protocol_version')
    const { host: _, ...headers } = incoming.headers
    const passed = requestHttp(url, { method: incoming.method, headers }, (answer) => {
      if (state === 'mute') return void answer.resume().on('end', () => outgoing.destroy())
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(outgoing)
    })
    passed.on('error', () => outgoing.destroy())
    passed.end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    set(next) {
      state = next
      if (state === 'shut') server.closeAllConnections()
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** One block of Native: its information, then the size, then each column's name, type, a flag, and one value. */
function hello(): Buffer {
  const columns: [string, string, Buffer][] = [
    ['displayName()', 'String', string('embedded')],
    ['version()', 'String', string('26.7.1.1')],
    ['revision()', 'UInt32', Buffer.alloc(4)],
    ['timezone()', 'String', string('UTC')],
  ]
  const information = Buffer.from([1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0])
  return Buffer.concat([
    information,
    Buffer.from([columns.length, 1]),
    ...columns.flatMap(([name, type, value]) => [string(name), string(type), Buffer.of(0), value]),
  ])
}

const string = (text: string): Buffer => Buffer.concat([Buffer.of(text.length), Buffer.from(text)])

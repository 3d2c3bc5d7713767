import { connect as connectTcp, createServer, type Socket } from 'node:net'

/**
 * The same nats-server, as it would look with an older version: a line to it on which every mention of its own version
 * is replaced. Both have as many bytes, so that nothing else changes.
 */
export async function startOlderServer(
  natsUrl: string,
  version: string,
): Promise<{ url: string; stop(): void }> {
  const { hostname, port } = new URL(natsUrl)
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connectTcp(Number(port), hostname)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => sockets.delete(socket))
    }
    client.pipe(upstream)
    upstream.on('data', (data: Buffer) => client.write(withVersion(data, version)))
    upstream.on('close', () => client.destroy())
    client.on('close', () => upstream.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port: ownPort } = server.address() as { port: number }
  return {
    url: `nats://127.0.0.1:${ownPort}`,
    stop() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

function withVersion(data: Buffer, version: string): Buffer {
  const text = data.toString('latin1')
  const shown = text.replace(/"(version|ver)":"[^"]+"/g, (whole, key: string) => {
    const replaced = `"${key}":"${version}"`
    if (replaced.length > whole.length) throw new Error(`${replaced} is longer than ${whole}`)
    return replaced.padEnd(whole.length)
  })
  return Buffer.from(shown, 'latin1')
}

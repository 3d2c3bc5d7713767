import { createServer, type Server } from 'node:net'
import { HoldpointError } from '#contract'

const ATTEMPTS = 100

/** The first port from `wanted` up that nobody listens on; 0 means any. Somebody may still take it in between. */
export async function freePort(wanted: number, host = '127.0.0.1'): Promise<number> {
  const probe = createServer()
  const port = await listenFrom(probe, wanted, host)
  await new Promise<void>((closed) => probe.close(() => closed()))
  return port
}

/**
 * Binds `server` to the first free port of `attempts` from `wanted` up (0: any) and returns it: nobody can come in
 * between.
 */
export async function listenFrom(
  server: Server,
  wanted: number,
  host = '127.0.0.1',
  attempts = ATTEMPTS,
): Promise<number> {
  const last = wanted === 0 ? 0 : Math.min(wanted + attempts - 1, 65_535)
  for (let port = wanted; port <= last; port++) {
    const result = await tryListen(server, port, host)
    if (result.ok) return result.port
    if (result.code !== 'EADDRINUSE' && result.code !== 'EACCES')
      throw new HoldpointError('UNAVAILABLE', `cannot listen on ${host}:${port}: ${result.code}`)
  }
  throw new HoldpointError(
    'UNAVAILABLE',
    wanted === last
      ? `port ${wanted} on ${host} is taken`
      : `no free port on ${host} from ${wanted} to ${last}`,
  )
}

function tryListen(server: Server, port: number, host: string) {
  return new Promise<{ ok: true; port: number } | { ok: false; code: string }>((resolve) => {
    const onError = (error: NodeJS.ErrnoException) => {
      server.off('listening', onListening)
      resolve({ ok: false, code: error.code ?? error.message })
    }
    const onListening = () => {
      server.off('error', onError)
      const address = server.address()
      resolve({ ok: true, port: typeof address === 'object' && address !== null ? address.port : port })
    }
    server.once('error', onError).once('listening', onListening).listen(port, host)
  })
}

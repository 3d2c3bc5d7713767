import { BlockList, isIP } from 'node:net'

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/** What stands between the network and telemetry that anybody could send, read or change; nothing on loopback. */
export function missingProtection(
  host: string,
  { hasTls, hasClientCa, hasTokens }: { hasTls: boolean; hasClientCa: boolean; hasTokens: boolean },
): string[] {
  if (isLoopback(host)) return []
  return [
    ...(hasTls ? [] : ['pipeline.tls.cert and pipeline.tls.key']),
    ...(hasTokens || hasClientCa ? [] : ['pipeline.tokens or pipeline.tls.clientCa']),
  ]
}

function isLoopback(host: string): boolean {
  const address = host.replace(/^\[(.*)\]$/, '$1')
  const family = isIP(address)
  if (family === 0) return address.toLowerCase() === 'localhost'
  return loopback.check(address, family === 6 ? 'ipv6' : 'ipv4')
}

import { BlockList, isIP } from 'node:net'
import { HoldpointError } from '#contract'

/**
 * Which addresses a channel may send to. Configuration and DNS name them, so whoever controls either could make
 * Holdpoint a way into the network that it stands in (SSRF): loopback, neighbours, a cloud's metadata.
 */
export interface AddressRules {
  /** Throws ADDRESS_REFUSED unless it is public, or allowed by name. `host` is for the message. */
  check(address: string, host: string): void
  /** Allowed by name: trusted to be reached without TLS, too. */
  isAllowed(address: string): boolean
}

/** `allowed`: addresses and CIDR ranges beyond the public ones. Throws INVALID_INPUT for what is neither. */
export function createAddressRules(allowed: readonly string[] = []): AddressRules {
  const exceptions = new BlockList()
  for (const entry of allowed) addRange(exceptions, entry)
  const isAllowed = (address: string): boolean => isIn(exceptions, address)
  return {
    isAllowed,
    check(address, host) {
      if (isPublic(address) || isAllowed(address)) return
      const where = address === host ? address : `${host} is at ${address}, which`
      throw new HoldpointError(
        'ADDRESS_REFUSED',
        `${where} is not a public address, and \`allow\` does not name it`,
      )
    },
  }
}

/** Everything in IANA's special-purpose registry that is not the public internet (RFC 6890 and its successors). */
const SPECIAL_IPV4: readonly (readonly [net: string, bits: number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10], // carrier-grade NAT
  ['127.0.0.0', 8],
  ['169.254.0.0', 16], // link-local: a cloud's metadata
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24], // 6to4 relays
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4], // multicast
  ['240.0.0.0', 4], // reserved, and broadcast
]

/** Of IPv6 only this is public at all: global unicast, and IPv4 in the two notations that lead there. */
const PUBLIC_IPV6 = [
  ['2000::', 3],
  ['::ffff:0:0', 96],
  ['64:ff9b::', 96],
] as const

/** And of that, not: protocol assignments with Teredo, documentation, 6to4, which carries any IPv4 address. */
const SPECIAL_IPV6 = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const

const reachable = new BlockList()
const special = new BlockList()
for (const [net, bits] of PUBLIC_IPV6) reachable.addSubnet(net, bits, 'ipv6')
for (const [net, bits] of SPECIAL_IPV6) special.addSubnet(net, bits, 'ipv6')
for (const [net, bits] of SPECIAL_IPV4) {
  special.addSubnet(net, bits, 'ipv4')
  for (const prefix of ['::ffff:', '64:ff9b::']) special.addSubnet(`${prefix}${net}`, 96 + bits, 'ipv6')
}

function isPublic(address: string): boolean {
  const isReachable = isIP(address) === 4 || isIn(reachable, address)
  return isReachable && !isIn(special, address)
}

function isIn(list: BlockList, address: string): boolean {
  const family = isIP(address)
  // With a zone (fe80::1%eth0) it is never public, and no range speaks of it.
  if (family === 0 || address.includes('%')) return false
  return list.check(address, family === 4 ? 'ipv4' : 'ipv6')
}

function addRange(list: BlockList, entry: string): void {
  const [address = '', bits, ...rest] = entry.split('/')
  const family = isIP(address)
  const longest = family === 4 ? 32 : 128
  const length = bits === undefined ? longest : /^\d{1,3}$/.test(bits) ? Number(bits) : -1
  if (family === 0 || address.includes('%') || rest.length > 0 || length < 0 || length > longest)
    throw new HoldpointError(
      'INVALID_INPUT',
      `${JSON.stringify(entry)}, expected an IP address or a CIDR range`,
    )
  list.addSubnet(address, length, family === 4 ? 'ipv4' : 'ipv6')
}

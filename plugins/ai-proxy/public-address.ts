import { BlockList, isIP } from 'node:net'

/** Whatever is not globally reachable, https://www.iana.org/assignments/iana-ipv4-special-registry, and all multicast. */
const NOT_PUBLIC_V4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
]

/** All that is public is in here: https://www.iana.org/assignments/ipv6-unicast-address-assignments */
const GLOBAL_V6 = '2000::/3'

/** Of that, what is not: https://www.iana.org/assignments/iana-ipv6-special-registry, and what leads on to an IPv4 address. */
const NOT_PUBLIC_V6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20']

const notPublic = blockList(NOT_PUBLIC_V4, 'ipv4')
const globalV6 = blockList([GLOBAL_V6], 'ipv6')
const notPublicV6 = blockList(NOT_PUBLIC_V6, 'ipv6')

function blockList(nets: readonly string[], family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList()
  for (const net of nets) {
    const [address = '', bits] = net.split('/')
    list.addSubnet(address, Number(bits), family)
  }
  return list
}

/**
 * Whether anybody on the internet could reach the address: no loopback, private, link-local (cloud metadata among them),
 * multicast or reserved one, and no IPv6 form of an IPv4 address.
 */
export function isPublicAddress(address: string): boolean {
  const family = isIP(address)
  if (family === 4) return !notPublic.check(address, 'ipv4')
  return family === 6 && globalV6.check(address, 'ipv6') && !notPublicV6.check(address, 'ipv6')
}

import { createHash } from 'node:crypto'

/** The namespace below which Kong derives the ids of entities that a declarative config gives none. */
const ENTITIES = 'fd02801f-0957-4a15-a55a-c8d9606f30b5'

/**
 * The id of an entity that was given none: the same in every run, and the one that Kong gives it, as long as `key`
 * is the name of a Service or Route, or the scope of a plugin (`plugins:*:name:route:service:consumer`).
 */
export function entityId(kind: 'services' | 'routes' | 'plugins', key: string): string {
  return uuid5(uuid5(ENTITIES, kind), key)
}

/** RFC 9562 §5.5: a UUID made of a name's SHA-1. */
export function uuid5(namespace: string, name: string): string {
  const hash = createHash('sha1')
    .update(Buffer.from(namespace.replaceAll('-', ''), 'hex'))
    .update(name)
    .digest()
  hash[6] = (hash[6]! & 0x0f) | 0x50
  hash[8] = (hash[8]! & 0x3f) | 0x80
  const hex = hash.toString('hex', 0, 16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

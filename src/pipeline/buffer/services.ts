import { BinaryReader, WireType } from '@bufbuild/protobuf/wire'

const MOST = 20
const LONGEST = 200

/**
 * Who sent a request of any signal, as far as it can be read: whatever is wrong with it, somebody should see at a
 * glance whose it is. Resources, their attributes, keys and values have the same numbers in all three signals.
 */
export function serviceNames(body: Uint8Array): string[] {
  const names = new Set<string>()
  try {
    for (const resource of fields(body, 1).flatMap((one) => fields(one, 1)))
      for (const attribute of fields(resource, 1)) {
        const [key] = fields(attribute, 1).map(text)
        if (key !== 'service.name' || names.size >= MOST) continue
        for (const value of fields(attribute, 2).flatMap((one) => fields(one, 1)))
          names.add(text(value).slice(0, LONGEST).toWellFormed())
      }
  } catch {
    // Cut short, or no protobuf at all: what was found before says enough.
  }
  return [...names]
}

/** All length-delimited fields of this number. */
function fields(message: Uint8Array, wanted: number): Uint8Array[] {
  const reader = new BinaryReader(message)
  const found: Uint8Array[] = []
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag()
    if (number === wanted && type === WireType.LengthDelimited) found.push(reader.bytes())
    else reader.skip(type, number)
  }
  return found
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8')

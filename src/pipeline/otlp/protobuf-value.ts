import { WireType } from '@bufbuild/protobuf/wire'
import { enter, expect, malformed, readFields, type Source, text } from './protobuf-fields.ts'
import { type AnyValue, type Attributes, MAX_VALUE_DEPTH } from './span.ts'

/** `key_strindex` (3) is for profiles, where there is a string table; here it is skipped like any unknown field. */
export function readKeyValue(source: Source, end: number, into: Attributes, depth: number): void {
  let key = ''
  let value: AnyValue
  readFields(source, end, (field) => {
    if (field.no === 1) key = text(source, field)
    else if (field.no === 2) value = readValue(source, enter(source, field), depth)
    else return false
    return true
  })
  into.set(key, value)
}

/** A oneof: the last that is written counts. `string_value_strindex` (8) has no meaning here and leaves it empty. */
function readValue(source: Source, end: number, depth: number): AnyValue {
  if (depth >= MAX_VALUE_DEPTH)
    throw malformed(source, `attribute values are nested deeper than ${MAX_VALUE_DEPTH}`)
  let value: AnyValue
  readFields(source, end, (field) => {
    switch (field.no) {
      case 1:
        value = text(source, field)
        return true
      case 2:
        value = expect(source, field, WireType.Varint).bool()
        return true
      case 3:
        value = BigInt(expect(source, field, WireType.Varint).int64())
        return true
      case 4:
        value = expect(source, field, WireType.Bit64).double()
        return true
      case 5:
        value = readList(source, enter(source, field), depth + 1)
        return true
      case 6:
        value = readMap(source, enter(source, field), depth + 1)
        return true
      case 7:
        value = expect(source, field, WireType.LengthDelimited).bytes()
        return true
      default:
        return false
    }
  })
  return value
}

function readList(source: Source, end: number, depth: number): AnyValue[] {
  const values: AnyValue[] = []
  readFields(source, end, (field) => {
    if (field.no !== 1) return false
    values.push(readValue(source, enter(source, field), depth))
    return true
  })
  return values
}

function readMap(source: Source, end: number, depth: number): Attributes {
  const values: Attributes = new Map()
  readFields(source, end, (field) => {
    if (field.no !== 1) return false
    readKeyValue(source, enter(source, field), values, depth)
    return true
  })
  return values
}

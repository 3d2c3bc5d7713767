import type { Range } from '../otlp/ranges.ts'
import type { Attributes } from '../otlp/span.ts'
import { valueText } from '../otlp/text.ts'
import type { RowWriter } from '../row-binary.ts'
import { createAttributeCopier, writeAttributes } from './attributes.ts'
import { createFields } from './fields.ts'

const ATTRIBUTE = 1
const SERVICE_NAME = 'service.name'
const SERVICE_NAME_BYTES = Buffer.from(SERVICE_NAME)

/** The columns ResourceAttributes and ServiceName: from `changed` where it is given, else from the Resource message. */
export type ResourceCopier = (
  writer: RowWriter,
  bytes: Uint8Array,
  resource: Range,
  changed?: Attributes,
) => void

export function createResourceCopier(): ResourceCopier {
  const fields = createFields()
  const attributes = createAttributeCopier()
  return (writer, bytes, resource, changed) => {
    if (changed) {
      writeAttributes(writer, changed)
      writer.string(valueText(changed.get(SERVICE_NAME)))
      return
    }
    fields.read(bytes, resource.from, resource.to)
    attributes.copy(writer, bytes, fields, ATTRIBUTE)
    attributes.copyValueOf(SERVICE_NAME_BYTES, writer)
  }
}

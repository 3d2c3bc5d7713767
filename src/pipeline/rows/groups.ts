import { readSound } from '../otlp/outline.ts'
import type { Range } from '../otlp/ranges.ts'
import { GROUP } from '../otlp/schema.ts'
import type { Signal } from '../otlp/signal.ts'
import { createRowWriter } from '../row-binary.ts'
import { createAttributeCopier } from './attributes.ts'
import { createFields } from './fields.ts'
import { createResourceCopier } from './resource.ts'
import { numberAt } from './values.ts'

const SCOPE = { name: 1, version: 2, attribute: 3, droppedAttributes: 4 } as const

/** The columns that resource and scope give to each of their log records, in the order in which they are written. */
export const GROUP_COLUMNS = [
  'ResourceAttributes',
  'ServiceName',
  'ResourceSchemaUrl',
  'ScopeSchemaUrl',
  'ScopeName',
  'ScopeVersion',
  'ScopeAttributes',
] as const

/** Log records or metrics of one scope, and the columns that they share. */
export interface ScopeGroup {
  body: Uint8Array
  items: readonly Range[]
  /** Written. */
  shared: Uint8Array
  /** Attributes of the scope that its process has left out. */
  droppedAttributes: number
}

/** Runs over requests scope by scope. Throws INVALID_INPUT where the bytes are no such request. */
export function* eachScope(signal: Signal, bodies: readonly Uint8Array[]): Generator<ScopeGroup> {
  const writer = createRowWriter()
  const fields = createFields()
  const attributes = createAttributeCopier()
  const copyResource = createResourceCopier()

  for (const body of bodies)
    for (const group of readSound(signal, body, []).groups) {
      copyResource(writer, body, group.resource)
      writeSchemaUrl(group)
      const ofResource = writer.take()
      for (const { scope, items, ...range } of group.scopes) {
        writer.encoded(ofResource)
        writeSchemaUrl(range)
        fields.read(body, scope.from, scope.to)
        writer.copy(body, fields.at(SCOPE.name), fields.to(SCOPE.name))
        writer.copy(body, fields.at(SCOPE.version), fields.to(SCOPE.version))
        attributes.copy(writer, body, fields, SCOPE.attribute)
        const droppedAttributes = numberAt(body, fields.at(SCOPE.droppedAttributes)) >>> 0
        yield { body, items, shared: writer.take(), droppedAttributes }
      }

      function writeSchemaUrl({ from, to }: Range): void {
        fields.read(body, from, to)
        writer.copy(body, fields.at(GROUP.schemaUrl), fields.to(GROUP.schemaUrl))
      }
    }
}

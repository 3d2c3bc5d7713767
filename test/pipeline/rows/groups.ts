import { BinaryWriter } from '@bufbuild/protobuf/wire'
import fc from 'fast-check'
import type { AnyValue } from '../../../src/pipeline/otlp/span.ts'
import { valueText } from '../../../src/pipeline/otlp/text.ts'
import { type Sample, writeValue } from '../encode.ts'
import { anyDouble, anyInt, anyText, bytes, type Chunk, int, message, text } from './wire-chunks.ts'

/** Log records and metrics as they are meant, from which both the request and the expected row are made. */
export type Values = Record<string, Sample>

export const chunkOf = (no: number, value: Sample): Chunk => {
  const writer = new BinaryWriter()
  writeValue(writer, value)
  return bytes(no, writer.finish())
}
export const valuesOf = (no: number, values: Values): Chunk[] =>
  Object.entries(values).map(([key, value]) => message(no, [text(1, key), chunkOf(2, value)]))

export const textsOf = (values: Values): Record<string, string> =>
  Object.fromEntries(
    Object.entries(values)
      .map(([key, value]) => [key, valueText(value as AnyValue)] as const)
      .sort(([one], [other]) => Buffer.compare(Buffer.from(one), Buffer.from(other))),
  )

/** Maps are left out: what a value becomes as text is tested by itself. */
export const anySample: fc.Arbitrary<Sample> = fc.oneof(
  anyText,
  fc.boolean(),
  anyInt,
  anyDouble,
  fc.uint8Array({ maxLength: 6 }),
  fc.array(anyInt, { maxLength: 3 }),
)
export const anyValues: fc.Arbitrary<Values> = fc.dictionary(anyText, anySample, { maxKeys: 5 })

export interface Group {
  resource: Values
  resourceSchemaUrl: string
  scope: Values
  scopeName: string
  scopeVersion: string
  scopeSchemaUrl: string
  dropped: number
}

export const GROUP: Group = {
  resource: { 'service.name': 'shop', 'k8s.pod.name': 'shop-1', 'process.pid': 42n },
  resourceSchemaUrl: 'https://opentelemetry.io/schemas/1.37.0',
  scope: { 'scope.kind': 'test' },
  scopeName: 'shop.checkout',
  scopeVersion: '2.0',
  scopeSchemaUrl: 'https://opentelemetry.io/schemas/1.21.0',
  dropped: 3,
}

export const anyGroup: fc.Arbitrary<Group> = fc.record({
  resource: anyValues,
  resourceSchemaUrl: anyText,
  scope: anyValues,
  scopeName: anyText,
  scopeVersion: anyText,
  scopeSchemaUrl: anyText,
  dropped: fc.nat(),
})

/** An Export request with one resource and one scope. */
export const requestOf = (group: Group, items: readonly Chunk[]): Uint8Array =>
  message(1, [
    message(1, valuesOf(1, group.resource)),
    message(2, [
      message(1, [
        text(1, group.scopeName),
        text(2, group.scopeVersion),
        ...valuesOf(3, group.scope),
        int(4, group.dropped),
      ]),
      ...items,
      text(3, group.scopeSchemaUrl),
    ]),
    text(3, group.resourceSchemaUrl),
  ])

export const groupColumns = (group: Group): object => ({
  ServiceName: valueText(group.resource['service.name'] as AnyValue),
  ResourceAttributes: textsOf(group.resource),
  ResourceSchemaUrl: group.resourceSchemaUrl,
  ScopeAttributes: textsOf(group.scope),
  ScopeName: group.scopeName,
  ScopeVersion: group.scopeVersion,
  ScopeSchemaUrl: group.scopeSchemaUrl,
})

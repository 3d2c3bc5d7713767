import { WIRE } from '../otlp/schema.ts'

/** Tags of protobuf fields by their numbers. */
export const bytesField = (no: number): number => (no << 3) | WIRE.bytes
export const varintField = (no: number): number => (no << 3) | WIRE.varint
export const fixedField = (no: number): number => (no << 3) | WIRE.bit64

import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { HoldpointError } from '#contract'
import { CODE, Refused } from '../refusal.ts'
import { openMessage } from './message.ts'

/** https://github.com/grpc/grpc/blob/master/doc/health-checking.md */
export const HEALTH_CHECK = '/grpc.health.v1.Health/Check'

const SERVING = 1
const NOT_SERVING = 2
const MAX_BYTES = 1_024

/** The answer to a check of the server as a whole, which is all that is known here. No token is needed. */
export async function healthOf(source: AsyncIterable<Buffer>, isReady: boolean): Promise<Uint8Array> {
  const { isCompressed, payload } = await openMessage(source, MAX_BYTES)
  const chunks: Buffer[] = []
  for await (const chunk of payload) chunks.push(chunk)
  const service = isCompressed ? undefined : serviceOf(Buffer.concat(chunks))
  if (service === undefined) throw new HoldpointError('INVALID_INPUT', 'gRPC: this is no HealthCheckRequest')
  if (service !== '') throw new Refused(404, CODE.notFound, 'only the server as a whole is known: service ""')
  return new BinaryWriter()
    .tag(1, WireType.Varint)
    .int32(isReady ? SERVING : NOT_SERVING)
    .finish()
}

function serviceOf(message: Uint8Array): string | undefined {
  try {
    let service = ''
    const reader = new BinaryReader(message)
    while (reader.pos < reader.len) {
      const [no, wire] = reader.tag()
      if (no === 1 && wire === WireType.LengthDelimited) service = reader.string()
      else reader.skip(wire)
    }
    return service
  } catch {
    return undefined
  }
}

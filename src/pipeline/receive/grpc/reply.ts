import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { COMPRESSIONS } from '../compression.ts'
import { encodeStatus, type Status, short } from '../messages.ts'
import { frame } from './message.ts'

const HEADERS = {
  ':status': 200,
  'content-type': 'application/grpc',
  'grpc-accept-encoding': COMPRESSIONS.join(','),
}

export function reply(stream: ServerHttp2Stream, message: Uint8Array): void {
  if (isOver(stream)) return
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
  stream.respond(HEADERS, { waitForTrailers: true })
  stream.end(frame(message))
}

/** Trailers alone; what the sender has not sent yet, it need not send any more. */
export function refuse(stream: ServerHttp2Stream, status: Status): void {
  end(stream, {
    ...HEADERS,
    'grpc-status': String(status.code),
    'grpc-message': percentEncode(short(status.message)),
    'grpc-status-details-bin': Buffer.from(encodeStatus(status, 'protobuf')).toString('base64'),
  })
}

/** What is no gRPC at all gets the answer of HTTP. */
export const refuseHttp = (stream: ServerHttp2Stream, http: number): void => end(stream, { ':status': http })

function end(stream: ServerHttp2Stream, headers: OutgoingHttpHeaders): void {
  if (isOver(stream)) return
  stream.respond(headers, { endStream: true })
  setImmediate(() => {
    // Not at once: the reset would overtake the trailers. What has come and nobody reads any more goes with it.
    stream.close(constants.NGHTTP2_NO_ERROR)
    stream.destroy()
  })
}

/** Answered, or given up by the sender. */
const isOver = (stream: ServerHttp2Stream): boolean => stream.headersSent || stream.closed || stream.destroyed

/** `grpc-message`: UTF-8, with everything but printable ASCII percent-encoded. */
const percentEncode = (message: string): string =>
  [...Buffer.from(message)]
    .map((byte) =>
      byte < 0x20 || byte > 0x7e || byte === 0x25
        ? `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
        : String.fromCharCode(byte),
    )
    .join('')

import type { Transform } from 'node:stream'
import { constants, createGunzip, createInflate, createZstdDecompress } from 'node:zlib'

/** How a body or a message may be compressed, by its name in Content-Encoding and grpc-encoding. */
export const COMPRESSIONS = ['gzip', 'deflate', 'zstd', 'identity'] as const
export type Compression = (typeof COMPRESSIONS)[number]

export function compressionOf(name: string | undefined): Compression | undefined {
  const known = (name ?? '').trim().toLowerCase()
  if (known === '') return 'identity'
  if (known === 'x-gzip') return 'gzip'
  return COMPRESSIONS.find((one) => one === known)
}

/** Each hop through the thread pool costs more than decompressing a few kilobytes. */
const chunkSize = 64 * 1024
/** A frame says how much memory its decoder needs: 8 MiB is what RFC 9659 allows. */
const params = { [constants.ZSTD_d_windowLogMax]: 23 }

/** How many bytes it has read of what was written to it is said by `bytesWritten`. */
export type Decoder = Transform & { readonly bytesWritten: number }

export const DECODERS: Record<Exclude<Compression, 'identity'>, () => Decoder> = {
  gzip: () => createGunzip({ chunkSize }),
  deflate: () => createInflate({ chunkSize }),
  zstd: () => createZstdDecompress({ chunkSize, params }),
}

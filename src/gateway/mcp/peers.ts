import type { JsonValue } from '#contract'
import { isObject, type JsonObject } from './message.ts'
import { CLIENT_INFO, SERVER_INFO } from './tool-call.ts'

/** Who client and server say they are. Nothing is decided by it but how they are called. */
export interface Peers {
  /** As policies see the server: `NAME/VERSION`, the name being the operator's. */
  target(): string
  clientName(meta: JsonObject): string | undefined
  noteClient(info: JsonValue | undefined): void
  noteServer(method: string, result: JsonValue | undefined): void
}

const VERSION = /^[\w.+-]{1,100}$/

export function createPeers(name: string): Peers {
  let version: string | undefined
  let client: string | undefined
  return {
    target: () => (version === undefined ? name : `${name}/${version}`),
    clientName: (meta) => nameIn(meta[CLIENT_INFO]) ?? client,
    noteClient(info) {
      client = nameIn(info)
    },
    noteServer(method, result) {
      if (!isObject(result)) return
      const { _meta: meta } = result
      const said =
        method === 'initialize' ? result.serverInfo : isObject(meta) ? meta[SERVER_INFO] : undefined
      // Only what cannot pass for another name.
      if (isObject(said) && typeof said.version === 'string' && VERSION.test(said.version))
        version = said.version
    },
  }
}

const nameIn = (info: JsonValue | undefined): string | undefined =>
  isObject(info) && typeof info.name === 'string' && info.name !== '' ? info.name.slice(0, 200) : undefined

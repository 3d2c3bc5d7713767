import type { Adapter, AdapterPayload } from 'oidc-provider'

interface Entry {
  payload: AdapterPayload
  expiresAtMs: number
}

/** Codes, refresh tokens and the like: they end with the process. A scanner cannot fill the memory. */
const MOST = 5_000

/** Where the provider keeps what it has issued, for each of its models. */
export function createMemory(now: () => number): (model: string) => Adapter {
  const entries = new Map<string, Entry>()
  const find = (matches: (payload: AdapterPayload) => boolean, prefix: string) => {
    for (const [key, { payload, expiresAtMs }] of entries)
      if (key.startsWith(prefix) && expiresAtMs > now() && matches(payload)) return payload
    return undefined
  }
  const tidy = (): void => {
    for (const [key, { expiresAtMs }] of entries) if (expiresAtMs <= now()) entries.delete(key)
    for (const key of entries.keys()) {
      if (entries.size < MOST) return
      entries.delete(key)
    }
  }

  return (model) => {
    const prefix = `${model}:`
    return {
      async upsert(id, payload, expiresInS) {
        if (entries.size >= MOST) tidy()
        entries.delete(prefix + id)
        entries.set(prefix + id, { payload, expiresAtMs: now() + (expiresInS ?? 0) * 1000 })
      },
      async find(id) {
        const entry = entries.get(prefix + id)
        return entry && entry.expiresAtMs > now() ? entry.payload : undefined
      },
      async findByUid(uid) {
        return find((payload) => payload.uid === uid, prefix)
      },
      async findByUserCode(userCode) {
        return find((payload) => payload.userCode === userCode, prefix)
      },
      async consume(id) {
        const entry = entries.get(prefix + id)
        if (entry) entry.payload = { ...entry.payload, consumed: Math.floor(now() / 1000) }
      },
      async destroy(id) {
        entries.delete(prefix + id)
      },
      async revokeByGrantId(grantId) {
        for (const [key, { payload }] of entries) if (payload.grantId === grantId) entries.delete(key)
      },
    }
  }
}

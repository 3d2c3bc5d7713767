import { jetstream } from '@nats-io/jetstream'
import { FILES, readKey, readKeySet } from '#broker'
import { type KeySet, TYP, trustSubject } from '#contract'
import { generateKey, loadKey, signDocument } from '#warrant/issue'
import type { House } from './house.ts'

/** Publishes the next key set, in which the policy key is another one: what the old one signed rules no longer. */
export async function replacePolicyKey({ home, clock, connect }: House): Promise<void> {
  const { version, ...set } = readKeySet(home, clock.now())
  const successor = loadKey(generateKey().seed)
  const keys = set.keys.map((key) =>
    key.use === 'policy' ? { ...key, kid: successor.kid, x: successor.x } : key,
  )
  const next: KeySet = { ...set, version: version + 1, keys }
  const jws = signDocument(TYP.keySet, next, readKey(home, FILES.organisation))
  await jetstream(await connect('admin')).publish(trustSubject.keySet(next.version), jws)
}

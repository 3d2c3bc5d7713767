import { existsSync, writeFileSync } from 'node:fs'
import type { KeySet } from '#contract'
import { starterPolicy } from '#policy'
import { ensureAccounts } from './accounts.ts'
import type { Home } from './home.ts'
import { ensureKeys } from './keys.ts'
import { registerPolicyAgent } from './registration.ts'

export interface InitOptions {
  /** Names the trust domain and its ledger, such as `example.com/holdpoint`. One that is there keeps its own. */
  origin: string
  /** Where the starter policy goes, unless there is a policy already. */
  policyFile: string
  /** Who releases what is held, for the starter policy: `oidc:<issuer>#group/<name>`. */
  groups: { reviewers: string; dataOwners?: string }
  nowMs: number
}

/**
 * Keys, key set, NATS accounts and credentials, the agent that asks for changes of the policy, and a starter policy.
 * Keeps everything that is there already.
 */
export async function initialise(home: Home, options: InitOptions): Promise<KeySet> {
  const keySet = ensureKeys(home, options.origin, options.nowMs)
  await ensureAccounts(home)
  await registerPolicyAgent(home, keySet.origin, options.nowMs)
  if (!existsSync(options.policyFile))
    writeFileSync(options.policyFile, starterPolicy(options.groups.reviewers, options.groups.dataOwners))
  return keySet
}

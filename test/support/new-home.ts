import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { initialise, openHome } from '#broker'

/** Made once for each process: what `holdpoint init` writes costs a third of a second of signing. */
let template: Promise<string> | undefined

async function makeTemplate(nowMs: number): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'holdpoint-template-'))
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }))
  const policyFile = join(dir, 'policy.yaml')
  writeFileSync(policyFile, 'holdpoint: 1\n')
  await initialise(openHome(dir), {
    origin: 'test.invalid/holdpoint',
    policyFile,
    groups: { reviewers: 'oidc:https://unused.invalid#group/x' },
    nowMs,
  })
  return dir
}

/** Puts keys, credentials and documents into a folder, as after `holdpoint init`. No two houses meet, so all share them. */
export async function fillHome(dir: string, nowMs: number): Promise<void> {
  template ??= makeTemplate(nowMs)
  cpSync(await template, dir, { recursive: true })
}

import cp from 'node:child_process'
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, vi } from 'vitest'
import { childProcess } from '../../../instrumentation/child-process/index.ts'
import { type Scene, startScene } from '../../support/gate-scene.ts'

/** Harmless programs are allowed by name; terraform is denied, and what nobody has thought of is held. */
export const PROCESS_POLICY = `
holdpoint: 1
mode: enforce
defaults:
  effect: hold
  approvals: { from: [sre], threshold: 1, assurance: login }
  timeout: 15m
groups:
  sre: [oidc:https://idp.example.com#group/sre]
rules:
  - id: no-terraform
    match: { kind: process, name: "terraform destroy*" }
    effect: deny
    reason: Destroying is a change request.
  - id: known-text
    match: { kind: process, name: sh }
    when: action.arguments[2].startsWith("true") || action.arguments[2].startsWith("terraform")
    effect: allow
  - id: reading
    match: { kind: process, name: [echo, "true", "git status", "git log", "/usr/bin/echo"] }
    effect: allow
`

export interface ProcessScene extends Scene {
  dir: string
  /** The request that has been opened, once there are as many. */
  opened(count?: number): Promise<Scene['broker']['requests'][number]>
  reset(): void
}

/** The whole process is patched, as register does it. */
export async function startProcessScene(): Promise<ProcessScene> {
  const scene = await startScene({ policy: PROCESS_POLICY })
  const { broker, gate } = scene
  childProcess.patch(cp as never, gate)
  syncBuiltinESMExports()
  await gate.ask({ kind: 'process', name: 'echo', arguments: [] })
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'holdpoint-process-')))
  return {
    ...scene,
    dir,
    opened: (count = 1) =>
      vi.waitFor(
        () => {
          expect(broker.requests).toHaveLength(count)
          return broker.requests[count - 1] as (typeof broker.requests)[number]
        },
        { interval: 5 },
      ),
    reset() {
      broker.onRequest = () => undefined
      for (const told of ['requests', 'calls', 'outcomes'] as const) broker[told].length = 0
    },
    async stop() {
      await scene.stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

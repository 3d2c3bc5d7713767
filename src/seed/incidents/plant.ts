import type { Incident } from '../options.ts'
import type { Casts } from '../traffic/cast.ts'
import type { Week } from '../week/week.ts'
import { expiryWave, instantApprover, nightExport, selfApproval, stuckApprovals } from './approvals.ts'
import { forgedApproval, replayedApproval, unboundApproval } from './claims.ts'
import { freeze, ledgerBehind, pipelineLag, ungatedRolePolicy } from './others.ts'
import type { Planted } from './planted.ts'
import { createScene, type Scene } from './scene.ts'

const PLANTERS: Record<Incident, (scene: Scene) => Planted> = {
  'forged-approval': forgedApproval,
  'ungated-role-policy': ungatedRolePolicy,
  'replayed-approval': replayedApproval,
  'unbound-approval': unboundApproval,
  'instant-approver': instantApprover,
  'night-export': nightExport,
  'self-approval': selfApproval,
  'expiry-wave': expiryWave,
  'stuck-approvals': stuckApprovals,
  freeze,
  'ledger-behind': ledgerBehind,
  'pipeline-lag': pipelineLag,
}

/** Each by itself: none draws from what another draws from, or looks at what it did. */
export const plant = (week: Week, casts: Casts): Planted[] =>
  week.options.incidents.map((name) => PLANTERS[name](createScene(week, casts, name)))

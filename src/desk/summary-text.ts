import { type RequestSummary, visible } from '#contract'

/** One request on one line, for a terminal. */
export const summaryText =
  (nowMs: number) =>
  ({
    requestId,
    state,
    agent,
    environment,
    kind,
    name,
    target,
    rule,
    expiresAtMs,
  }: RequestSummary): string => {
    const on = target === undefined ? '' : ` on ${target}`
    const left = state === 'pending' ? `${Math.max(0, Math.round((expiresAtMs - nowMs) / 1000))} s left` : ''
    const columns = [
      requestId,
      state.padEnd(9),
      `${agent} (${environment})`,
      `${kind} ${name}${on}`,
      `rule ${rule}`,
      left,
    ]
    return `${visible(columns.join('  ')).trimEnd()}\n`
  }

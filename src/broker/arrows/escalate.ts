import type { Context } from '../context.ts'
import type { Request } from '../state/requests.ts'

/**
 * Others may answer from now on, and whoever watches is told. Who may, the clock says, told or not; `step` counts
 * from 1. The event stream takes each step once, so a restart and another replica repeat nothing.
 */
export function escalate(
  { notify, measures }: Pick<Context, 'notify' | 'measures'>,
  request: Request,
  step: number,
): void {
  notify.desk('escalated', request, step, () => measures.escalated(request.requested.ruling.rule))
}

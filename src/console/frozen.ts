import type { AgentSummary, Frozen } from '#contract'
import type { Desk } from '#desk'
import { type Html, html, NOTHING } from './html/html.ts'
import { short, time } from './html/words.ts'

export interface FrozenNow {
  /** Every agent is. */
  all?: Frozen
  /** Those that are by themselves. */
  agents: (Pick<AgentSummary, 'agentId' | 'name'> & { frozen: Frozen })[]
}

export interface FrozenView {
  /** Never rejects: undefined where the broker does not say, and then the page itself says why. */
  now(token: string): Promise<FrozenNow | undefined>
  /** Somebody has just changed it here. */
  forget(): void
}

const KEPT_MS = 1_000

/**
 * Every page says what is frozen, so it is asked once a second at most, with the token of whoever looks first; and
 * again after an alarm, which may have told of a change.
 */
export function createFrozenView({
  desk,
  now,
  newestAlarm,
}: {
  desk: Pick<Desk, 'agents'>
  now: () => number
  /** Id of the newest that was heard of. */
  newestAlarm: () => string | undefined
}): FrozenView {
  let kept: { untilMs: number; alarm: string | undefined; value: Promise<FrozenNow | undefined> } | undefined
  async function ask(token: string): Promise<FrozenNow | undefined> {
    try {
      const { agents, frozen } = await desk.agents(token)
      const single = agents.flatMap(({ agentId, name, frozen: own }) =>
        own === undefined ? [] : [{ agentId, name, frozen: own }],
      )
      return { agents: single, ...(frozen === undefined ? {} : { all: frozen }) }
    } catch {
      // One person's token must not hide it from the others.
      kept = undefined
      return undefined
    }
  }
  return {
    now(token) {
      const alarm = newestAlarm()
      if (!kept || now() >= kept.untilMs || kept.alarm !== alarm)
        kept = { untilMs: now() + KEPT_MS, alarm, value: ask(token) }
      return kept.value
    },
    forget() {
      kept = undefined
    },
  }
}

const MOST_NAMED = 5

/** Its place is there on every page, since a script puts in what changes. */
export const frozenBanner = (now: FrozenNow | undefined): Html =>
  html`<div id="frozen">${now === undefined ? NOTHING : lines(now)}</div>`

function lines({ all, agents }: FrozenNow): Html {
  if (all === undefined && agents.length === 0) return NOTHING
  const named = all === undefined ? agents.slice(0, MOST_NAMED) : []
  const more = all === undefined ? agents.length - named.length : 0
  return html`<aside class="frozen" aria-label="Frozen">
${all === undefined ? NOTHING : html`<p><strong>Every agent is frozen</strong>, ${since(all)}. Nothing that any of them attempts runs.</p>`}
${named.map(({ name, frozen }) => html`<p><strong>${short(name)} is frozen</strong>, ${since(frozen)}. Nothing that it attempts runs.</p>`)}
${more > 0 ? html`<p><strong>${more} more are frozen.</strong></p>` : NOTHING}<p><a href="/agents">See under agents</a></p></aside>`
}

export const since = ({ sinceMs, by }: Frozen): Html => html`since ${time(sinceMs)} by ${short(by)}`

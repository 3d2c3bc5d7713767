import type { Context, Hono } from 'hono'
import { HoldpointError, problemOf } from '#contract'
import { type Env, type Parts, page } from '../context.ts'
import { html, NOTHING } from '../html/html.ts'
import { short } from '../html/words.ts'
import { checkCsrf, readForm } from '../http/same-site.ts'
import { hidden } from './decide.ts'
import { problemNotice } from './error.ts'

/** Stopping agents, and ending that: each with a page that asks once more. Who may is for the broker to say. */
export function freezeRoutes(app: Hono<Env>, parts: Parts): void {
  for (const change of ['freeze', 'thaw'] as const)
    for (const path of [`/agents/:id/${change}`, `/${change}`]) {
      app.get(path, async (c) => ask(c, parts, change, await agentOf(c, parts)))
      app.post(path, async (c) => {
        const { csrf, reason = '' } = await readForm(c)
        checkCsrf(c.get('session'), csrf)
        const agentId = c.req.param('id')
        // Browsers send line feeds of a text area as two characters each.
        const why = reason.replaceAll('\r\n', '\n').trim()
        try {
          await parts.desk.freeze({
            token: c.get('session').token,
            frozen: change === 'freeze',
            channel: 'console',
            ...(agentId === undefined ? {} : { agentId }),
            ...(why === '' ? {} : { reason: why }),
          })
        } catch (error) {
          return ask(c, parts, change, await agentOf(c, parts), { error, reason })
        }
        parts.frozen.forget()
        return c.redirect('/agents', 303)
      })
    }
}

interface Asked {
  name: string
  agentId?: string
}

async function agentOf(c: Context<Env>, { desk }: Parts): Promise<Asked> {
  const id = c.req.param('id')
  if (id === undefined) return { name: 'every agent' }
  const { agents } = await desk.agents(c.get('session').token)
  const found = agents.find(({ agentId }) => agentId === id)
  if (!found) throw new HoldpointError('UNKNOWN_AGENT')
  return { name: short(found.name), agentId: id }
}

const WORDS = {
  freeze: {
    verb: 'Freeze',
    what: 'Whatever it attempts from now on is refused, also what policy allows. What waits is cancelled; approvals that nobody has used are revoked. It is recorded, and an alarm goes out. Another person has to end it.',
    tone: 'stop',
  },
  thaw: {
    verb: 'Thaw',
    what: 'What it attempts is ruled by policy again. What the freeze has ended stays ended. Whoever froze it cannot end it, nor can the owner of the agent.',
    tone: 'go',
  },
} as const

function ask(
  c: Context<Env>,
  parts: Parts,
  change: keyof typeof WORDS,
  { name, agentId }: Asked,
  refused?: { error: unknown; reason: string },
): Promise<Response> {
  const { verb, what, tone } = WORDS[change]
  const action = agentId === undefined ? `/${change}` : `/agents/${agentId}/${change}`
  const title = `${verb} ${name}?`
  const body = html`${refused === undefined ? NOTHING : problemNotice(refused.error)}<p class="crumbs"><a href="/agents">Agents</a></p>
<div class="confirm"><h1>${title}</h1><p>${what}</p>
<form method="post" action="${action}">${hidden({ csrf: c.get('session').csrf })}
<label for="reason">Reason</label>
<textarea id="reason" name="reason" rows="3" maxlength="1000">${refused?.reason ?? ''}</textarea>
<p class="verdicts"><button class="${tone}">${verb} ${name}</button> <a class="button" href="/agents">Leave it</a></p></form></div>`
  const status = refused === undefined ? 200 : problemOf(refused.error).status
  return page(c, parts, { title, place: '/agents', status }, body)
}

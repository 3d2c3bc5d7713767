import type { Hono } from 'hono'
import { type AgentSummary, problemOf, type Shape } from '#contract'
import { type Env, type Parts, page } from '../context.ts'
import { type Html, html } from '../html/html.ts'
import { problemNotice } from '../pages/error.ts'
import { askStore, type Reader, withoutAnswer } from './answer.ts'
import { behindNotice, behindSince, isBare, NOTHING_STORED } from './behind.ts'
import { type Controls, questionForm } from './form.ts'
import { type Fields, fieldsOf, readQuestion } from './question.ts'
import { type GivenRange, presetOf, type TimeRange } from './range.ts'

/** A page about a time: what its address asks for, and what ClickHouse says to that. */
export interface Investigation<Asked extends GivenRange, Found> {
  path: '/actions' | '/violations'
  title: string
  shape: Shape<Asked>
  controls(agents: readonly AgentSummary[]): Controls
  /** Beside the title. */
  aside(fields: Fields): Html
  ask(store: Reader, asked: Asked, range: TimeRange): Promise<Found>
  isEmpty(found: Found): boolean
  list(found: Found, fields: Fields, range: TimeRange): Html
}

export function investigationRoute<Asked extends GivenRange, Found>(
  app: Hono<Env>,
  parts: Parts,
  investigation: Investigation<Asked, Found>,
): void {
  const { path, title, shape, controls, aside, ask, isEmpty, list } = investigation
  app.get(path, async (c) => {
    const nowMs = parts.now()
    const fields = fieldsOf(c.req.queries())
    const { token } = c.get('session')
    // The broker knows who may read here; the store does not.
    const [{ agents }, ledger] = await Promise.all([parts.desk.agents(token), parts.desk.ledger(token)])
    const show = async (status: number, rest: Html, asked?: GivenRange): Promise<Response> => {
      const body = html`<div class="head"><h1>${title}</h1>${aside(fields)}</div>
${questionForm(path, fields, asked && presetOf(asked), controls(agents))}
${rest}`
      return page(c, parts, { title, place: path, status }, body)
    }

    const question = readQuestion(shape, fields, nowMs)
    if (!question.ok) return show(problemOf(question.error).status, problemNotice(question.error))
    const { asked, range } = question
    const answer = await askStore(parts, async (store) => {
      const asking = [ask(store, asked, range), behindSince(store, ledger, nowMs)] as const
      const [found, behindMs] = await Promise.all(asking)
      return { store, found, behindMs }
    })
    if (answer.is === 'no-store') return show(200, withoutAnswer(answer.is), asked)
    if (answer.is === 'unanswered') return show(503, withoutAnswer(answer.is), asked)
    const { store, found, behindMs } = answer.value
    const hasNothing = isEmpty(found) && (await isBare(store, range, parts.patienceMs / 2))
    const rows = hasNothing ? NOTHING_STORED : list(found, fields, range)
    return show(200, html`${behindNotice(behindMs)}${rows}`, asked)
  })
}

import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createAnthropic } from '../support/providers/anthropic.ts'
import { createOpenAI, outputsTold } from '../support/providers/openai.ts'
import { type Installation, startInstallation } from './examples.ts'

// A whole installation, and each command a process of its own: on a busy machine they add up.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

let installation: Installation
beforeAll(async () => {
  installation = await startInstallation()
  await installation.run('login', 'bob')
})
afterAll(() => installation.stop())

test('examples - a service on the OpenAI Agents SDK: small refunds are paid, large ones wait, exports are refused', async () => {
  const { run, open, actions } = installation
  const openai = createOpenAI()
  await openai.start()
  try {
    const service = await installation.startExample(
      'instrumentation/examples/openai-agents/service.mjs',
      'shop-assistant',
      {
        OPENAI_BASE_URL: `${openai.url}/v1`,
        OPENAI_API_KEY: 'sk-test',
        OPENAI_AGENTS_DISABLE_TRACING: '1',
      },
    )
    openai.script(
      { calls: [{ id: 'call-1', name: 'lookup_order', arguments: { order: 'A-1001' } }] },
      {
        calls: [
          { id: 'call-2', name: 'issue_refund', arguments: { order: 'A-1001', amount: 20 } },
          { id: 'call-3', name: 'issue_refund', arguments: { order: 'A-1001', amount: 900 } },
          { id: 'call-4', name: 'export_customers', arguments: { region: 'eu' } },
        ],
      },
      { text: 'Both refunds are paid; the export was refused.' },
    )
    const body = JSON.stringify({
      question: 'Refund A-1001, export the EU',
      conversation: 'c-1',
      user: 'u-1',
    })
    const answer = fetch(`${service.url}/ask`, { method: 'POST', body }).then((response) => response.json())

    const requests = await open(2)
    const idOf = (name: string) => requests.find((one) => one.name === name)?.requestId as string
    expect(service.stdout()).toMatch(/refunded 20 for A-1001\n$/)
    await run('requests', 'approve', idOf('issue_refund'), '--yes', '--reason', 'goodwill')
    await run('requests', 'deny', idOf('export_customers'), '--reason', 'Audit first')
    expect(await answer).toEqual({ answer: 'Both refunds are paid; the export was refused.' })

    expect(outputsTold(openai)).toMatchObject({
      'call-3': expect.stringContaining('900'),
      'call-4': expect.stringMatching(/APPROVAL_DENIED.*Audit first/s),
    })
    expect(service.stdout()).not.toContain('exported')
    const verified = await actions('shop-assistant', 2)
    expect(verified.toSorted((a, b) => (String(a.name) < String(b.name) ? -1 : 1))).toEqual([
      {
        name: 'export_customers',
        ruling: 'hold',
        decision: 'denied',
        approvers: [],
        outcome: 'not_run',
        verification: 'refused',
      },
      {
        name: 'issue_refund',
        ruling: 'hold',
        decision: 'approved',
        approvers: ['Bob Berger'],
        outcome: 'executed',
        verification: 'verified',
      },
    ])
  } finally {
    await openai.stop()
  }
})

test('examples - a service on LangGraph: it answers at once that it waits, and goes on when people have decided', async () => {
  const { run, open, actions } = installation
  const openai = createOpenAI()
  await openai.start()
  try {
    const service = await installation.startExample(
      'instrumentation/examples/langgraph/service.mjs',
      'graph-assistant',
      {
        OPENAI_BASE_URL: `${openai.url}/v1`,
        OPENAI_API_KEY: 'sk-test',
        NODE_OPTIONS: `--import ${new URL('../support/own-packages.mjs', import.meta.url)}`,
      },
    )
    const post = (route: string, body: object) =>
      fetch(`${service.url}${route}`, { method: 'POST', body: JSON.stringify(body) })
    openai.script(
      {
        calls: [
          { id: 'call-1', name: 'issue_refund', arguments: { order: 'A-1001', amount: 20 } },
          { id: 'call-2', name: 'issue_refund', arguments: { order: 'A-1001', amount: 900 } },
          { id: 'call-3', name: 'export_customers', arguments: { region: 'eu' } },
        ],
      },
      { text: 'Both refunds are paid; the export was refused.' },
    )
    const asked = await post('/ask', { question: 'Refund and export', conversation: 'c-1', user: 'u-1' })
    expect(asked.status).toBe(202)
    const requests = await open(2)
    const ids = requests.map(({ requestId }) => requestId)
    expect(((await asked.json()) as { waiting: string[] }).waiting.sort()).toEqual(ids.sort())
    expect(service.stdout()).toMatch(/refunded 20 for A-1001\n$/)
    const idOf = (name: string) => requests.find((one) => one.name === name)?.requestId as string
    await run('requests', 'approve', idOf('issue_refund'), '--yes', '--reason', 'goodwill')
    const early = await post('/continue', { conversation: 'c-1', user: 'u-1' })
    expect([early.status, await early.json()]).toEqual([202, { waiting: [idOf('export_customers')] }])
    await run('requests', 'deny', idOf('export_customers'), '--reason', 'Audit first')
    const answer = await post('/continue', { conversation: 'c-1', user: 'u-1' })
    expect(await answer.json()).toEqual({ answer: 'Both refunds are paid; the export was refused.' })

    expect(outputsTold(openai)).toMatchObject({
      'call-2': expect.stringContaining('900'),
      'call-3': expect.stringMatching(/APPROVAL_DENIED.*Audit first/s),
    })
    expect(service.stdout()).not.toContain('exported')
    expect(await actions('graph-assistant', 1)).toContainEqual({
      name: 'issue_refund',
      ruling: 'hold',
      decision: 'approved',
      approvers: ['Bob Berger'],
      outcome: 'executed',
      verification: 'verified',
    })
  } finally {
    await openai.stop()
  }
})

test('examples - a service on Anthropic’s SDK: small refunds are paid, large ones wait, exports are refused', async () => {
  const { run, open, actions } = installation
  const anthropic = createAnthropic()
  await anthropic.start()
  try {
    const service = await installation.startExample(
      'instrumentation/examples/anthropic/service.mjs',
      'billing-clerk',
      { ANTHROPIC_BASE_URL: anthropic.url, ANTHROPIC_API_KEY: 'test' },
    )
    anthropic.script(
      { calls: [{ id: 'call-1', name: 'lookup_invoice', arguments: { invoice: 'INV-7' } }] },
      {
        calls: [
          { id: 'call-2', name: 'issue_refund', arguments: { invoice: 'INV-7', amount: 20 } },
          { id: 'call-3', name: 'issue_refund', arguments: { invoice: 'INV-7', amount: 900 } },
          { id: 'call-4', name: 'export_invoices', arguments: { year: 2026 } },
        ],
      },
      { text: 'Both refunds are paid; the export was refused.' },
    )
    const body = JSON.stringify({ question: 'Refund and export', conversation: 'c-1', user: 'u-1' })
    const answer = fetch(`${service.url}/ask`, { method: 'POST', body }).then((response) => response.json())

    const requests = await open(2)
    const idOf = (name: string) => requests.find((one) => one.name === name)?.requestId as string
    expect(service.stdout()).toMatch(/refunded 20 for INV-7\n$/)
    await run('requests', 'approve', idOf('issue_refund'), '--yes', '--reason', 'goodwill')
    await run('requests', 'deny', idOf('export_invoices'), '--reason', 'Audit first')
    expect(await answer).toEqual({ answer: 'Both refunds are paid; the export was refused.' })

    const [told] = (anthropic.calls.at(-1)?.body.messages ?? []) as { content: object[] }[]
    expect(told?.content).toMatchObject([
      { tool_use_id: 'call-2' },
      { tool_use_id: 'call-3', content: expect.stringContaining('900') },
      {
        tool_use_id: 'call-4',
        is_error: true,
        content: expect.stringMatching(/APPROVAL_DENIED.*Audit first/),
      },
    ])
    expect(service.stdout()).not.toContain('exported')
    // All four are the SDK's own spans, or ours where it had none: no call is seen twice.
    const seen = await actions('billing-clerk', 4)
    expect(seen).toHaveLength(4)
    expect(seen).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ name: 'lookup_invoice', ruling: 'allow', outcome: 'executed' }),
        expect.objectContaining({
          name: 'issue_refund',
          decision: 'approved',
          approvers: ['Bob Berger'],
          outcome: 'executed',
          verification: 'verified',
        }),
        expect.objectContaining({
          name: 'export_invoices',
          decision: 'denied',
          outcome: 'not_run',
          verification: 'refused',
        }),
      ]),
    )
  } finally {
    await anthropic.stop()
  }
})

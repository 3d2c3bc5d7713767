import { describe, expect, test } from 'vitest'
import { requestMcpApprovals, resumeMcpApprovals } from '../../../instrumentation/openai/index.ts'
import { COPIES, useResponses } from './responses-scene.ts'

const { broker, provider, client: clientOf, asked, opened } = useResponses()
const PARAMS = { model: 'm', input: 'go' }

describe.each(COPIES)('the %s copy', (copy, sdk) => {
  const client = () => clientOf(sdk)
  const mcp = (id: string, more: object = {}) => ({
    id,
    server_label: 'billing',
    name: 'issue_refund',
    arguments: { amount: 900 },
    ...more,
  })
  const SERVER = { type: 'mcp' as const, server_label: 'billing', server_url: 'https://mcp.example' }
  const yes = (id: string) => ({
    type: 'mcp_approval_response' as const,
    approval_request_id: id,
    approve: true,
  })
  const sent = () => (provider().calls.at(-1)?.body.input ?? []) as unknown[]
  let ids = 0
  const newId = () => `mcpr_${copy}_${++ids}`

  test('openai mcp - a yes of the runner’s is asked of people first, once', async () => {
    const id = newId()
    broker().onRequest = () => 'approved'
    provider().script({ mcp: [mcp(id)] }, { text: 'done' })
    const runner = new sdk.ResponsesToolRunner({})
    await runner.run(client(), { ...PARAMS, tools: [SERVER] }, { approveMcp: () => true })
    expect(sent()).toContainEqual(yes(id))
    expect(asked()).toMatchObject([
      {
        attempt: id,
        action: { kind: 'mcp', name: 'issue_refund', target: 'billing', arguments: { amount: 900 } },
      },
    ])
  })

  test('openai mcp - a yes that people refuse leaves the process as a no; a no asks nobody', async () => {
    broker().onRequest = () => 'denied'
    for (const [said, expected] of [
      [true, 1],
      [false, 1],
    ] as const) {
      const id = newId()
      provider().script({ mcp: [mcp(id)] }, { text: 'done' })
      const runner = new sdk.ResponsesToolRunner({})
      await runner.run(client(), { ...PARAMS, tools: [SERVER] }, { approveMcp: () => said })
      expect(sent()).toContainEqual({ ...yes(id), approve: false })
      expect(asked()).toHaveLength(expected)
    }
  })

  test('openai mcp - a yes in a request that the program writes itself waits, with what the provider says it is about', async () => {
    const id = newId()
    provider().script({ mcp: [mcp(id)] }, { text: 'done' })
    const { id: before } = await client().responses.create({ ...PARAMS, tools: [SERVER] })
    const body = { model: 'm', previous_response_id: before, input: [yes(id)], safety_identifier: 'user-7' }
    const running = client().responses.create(body).withResponse()
    const request = await opened()
    expect(provider().calls.filter(({ body: one }) => one.previous_response_id !== undefined)).toEqual([])
    expect(request.attempt.action).toMatchObject({ name: 'issue_refund', target: 'billing' })
    broker().decide(request, 'denied', 'Too much')
    const { data, response } = await running
    expect([data.output_text, response.status]).toEqual(['done', 200])
    expect(sent()).toEqual([
      { ...yes(id), approve: false, reason: expect.stringMatching(/APPROVAL_DENIED.*Too much/) },
    ])
    // The program's own words stay as it wrote them.
    expect(body.input).toEqual([yes(id)])
  })

  test('openai mcp - a yes about something that nobody knows is asked about, and one under a known id for another call', async () => {
    broker().onRequest = ({ attempt }) =>
      (attempt.action.arguments as { amount?: number }).amount === 900 ? 'approved' : 'denied'
    const id = newId()
    const history = (amount: number) => [
      { type: 'mcp_approval_request' as const, ...mcp(id), arguments: JSON.stringify({ amount }) },
      yes(id),
    ]
    const send = async (input: unknown) => {
      provider().script({ text: 'done' })
      await client().responses.create({ model: 'm', input } as never)
      return sent().at(-1)
    }
    expect(await send(history(900))).toEqual(yes(id))
    expect(await send(history(900))).toEqual(yes(id))
    expect(asked()).toHaveLength(1)
    expect(await send(history(1_000_000))).toMatchObject({ approve: false })
    expect(asked()).toHaveLength(2)
    await client()
      .responses.create({ model: 'm', input: [yes(newId())] })
      .catch(() => {})
    expect(asked().at(-1)?.action.name).toBe('mcp_approval_response')
    expect(sent()).toMatchObject([{ approve: false }])
  })

  test('openai mcp - what is sent is what was asked about, whatever the program makes of it meanwhile', async () => {
    const [id, other] = [newId(), newId()]
    const request = { type: 'mcp_approval_request' as const, ...mcp(id), arguments: '{"amount":900}' }
    const input = [request, yes(id), { ...request, id: other }, { ...yes(other), approve: false }]
    const asSent = structuredClone(input)
    provider().script({ text: 'done' })
    const running = client().responses.create({ model: 'm', input } as never)
    const held = await opened()
    request.arguments = '{"amount":1000000}'
    Object.assign(input[3] as object, { approve: true })
    broker().decide(held, 'approved')
    await running
    expect(sent()).toEqual(asSent)
    expect(asked()).toHaveLength(1)
  })

  test('openai mcp - a yes that is put into a conversation of the provider’s waits as well', async () => {
    broker().onRequest = () => 'denied'
    const items = [{ ...yes(newId()) }]
    await client()
      .conversations.items.create('conv-1', { items } as never)
      .catch(() => {})
    expect(provider().calls.at(-1)?.body.items).toMatchObject([{ approve: false }])
  })

  test('openai mcp - what the provider has acted upon already is history', async () => {
    const id = newId()
    provider().script({ text: 'done' })
    const done = {
      type: 'mcp_call',
      id: 'mcp_1',
      approval_request_id: id,
      server_label: 'billing',
      name: 'issue_refund',
      arguments: '{}',
    }
    const request = { type: 'mcp_approval_request', ...mcp(id), arguments: '{}' }
    await client().responses.create({ model: 'm', input: [request, yes(id), done] } as never)
    expect(asked()).toEqual([])
  })

  test('openai mcp - what was asked outlives the process: a yes is sent, a no as well, and what waits stays', async () => {
    const [first, second, third] = [newId(), newId(), newId()]
    provider().script({ mcp: [mcp(first), mcp(second), mcp(third)] }, { text: 'done' })
    const response = await client().responses.create({ ...PARAMS, tools: [SERVER] })
    const held = JSON.parse(JSON.stringify(await requestMcpApprovals(response)))
    const [one, two] = asked().map(({ attempt }) =>
      broker().requests.find((request) => request.attempt.attempt === attempt),
    )
    expect(await resumeMcpApprovals(held)).toEqual({ input: [], waiting: [first, second, third] })
    broker().decide(one as never, 'approved')
    broker().decide(two as never, 'denied', 'Too much')
    const { input, waiting } = await resumeMcpApprovals(held)
    const [approvedId, deniedId] = [one?.attempt.attempt, two?.attempt.attempt]
    expect(input).toHaveLength(2)
    expect(input).toContainEqual(yes(approvedId as string))
    expect(input).toContainEqual({
      ...yes(deniedId as string),
      approve: false,
      reason: expect.stringMatching(/APPROVAL_DENIED.*Too much/),
    })
    expect(waiting).toHaveLength(1)
    await client().responses.create({ model: 'm', previous_response_id: response.id, input: input as never })
    expect(sent()).toEqual(input)
    expect(asked()).toHaveLength(3)
  })

  test.each([
    [
      'its arguments',
      (request: { arguments: string }) => Object.assign(request, { arguments: '{"amount":1000000}' }),
    ],
    ['its tool', (request: { name: string }) => Object.assign(request, { name: 'delete_account' })],
    ['its server', (request: { server_label: string }) => Object.assign(request, { server_label: 'other' })],
    ['its id', (request: { id: string }) => Object.assign(request, { id: 'mcpr_other' })],
  ])('openai mcp - a record in which somebody has changed %s releases nothing', async (_what, change) => {
    provider().script({ mcp: [mcp(newId())] })
    const response = await client().responses.create({ ...PARAMS, tools: [SERVER] })
    const held = await requestMcpApprovals(response)
    broker().decide(await opened(), 'approved')
    change(held.calls[0]?.request as never)
    const { input } = await resumeMcpApprovals(held)
    expect(input).toMatchObject([{ approve: false, reason: expect.stringMatching(/WARRANT_MISMATCH/) }])
    expect(broker().requests[0]?.state).toBe('approved')
  })

  test('openai mcp - one approval is good for one yes', async () => {
    provider().script({ mcp: [mcp(newId())] })
    const held = await requestMcpApprovals(await client().responses.create({ ...PARAMS, tools: [SERVER] }))
    broker().decide(await opened(), 'approved')
    expect((await resumeMcpApprovals(held)).input).toMatchObject([{ approve: true }])
    expect((await resumeMcpApprovals(held)).input).toMatchObject([
      { approve: false, reason: expect.stringMatching(/ALREADY_SPENT/) },
    ])
  })
})

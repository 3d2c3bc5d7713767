import { McpServer as V1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { acceptedContent, inputRequired, McpServer as V2 } from '@modelcontextprotocol/server'
import { z } from 'zod'

/** What a test sees of a server's inside. */
export interface Entered {
  tool: string
  given: unknown
  isAborted(): boolean
}

const info = { name: 'crm', version: '2.0.1' }
const withId = z.object({ id: z.number() })
const withLimit = z.object({ limit: z.number() })
const plan = z.object({ confirm: z.boolean() })
const said = (text: string) => ({ content: [{ type: 'text' as const, text }] })
const question = { role: 'user' as const, content: { type: 'text' as const, text: 'In one word?' } }

/** A server as somebody writes one with v1 of the SDK, and has never heard of a gateway. */
export function v1Server(entered: Entered[]): V1 {
  const server = new V1(info, { capabilities: { logging: {} } })
  const enter = (tool: string, given: unknown, signal: AbortSignal) =>
    void entered.push({ tool, given, isAborted: () => signal.aborted })
  server.registerTool('lookup_customer', { inputSchema: withId.shape }, async ({ id }, { signal }) => {
    enter('lookup_customer', { id }, signal)
    return said(`customer ${id}`)
  })
  server.registerTool('export_customers', { inputSchema: withLimit.shape }, async ({ limit }, { signal }) => {
    enter('export_customers', { limit }, signal)
    if (limit === 13) throw new Error('thirteen')
    return said(`exported ${limit}`)
  })
  server.registerTool('lookup_slowly', { inputSchema: {} }, async (_given, extra) => {
    enter('lookup_slowly', {}, extra.signal)
    const progressToken = extra._meta?.progressToken
    if (progressToken !== undefined)
      await extra.sendNotification({
        method: 'notifications/progress',
        params: { progressToken, progress: 1, total: 2 },
      })
    return new Promise((resolve) => extra.signal.addEventListener('abort', () => resolve(said('stopped'))))
  })
  server.registerTool('lookup_asking', { inputSchema: {} }, async () => {
    const roots = await server.server.listRoots()
    const sampled = await server.server.createMessage({ messages: [question], maxTokens: 5 })
    const elicited = await server.server.elicitInput({
      message: 'Sure?',
      requestedSchema: { type: 'object', properties: { confirm: { type: 'boolean' } } },
    })
    return said(JSON.stringify([roots.roots, sampled.content, elicited.content]))
  })
  server.registerResource('terms', 'crm://terms', {}, async () => ({
    contents: [{ uri: 'crm://terms', text: 'Be kind.' }],
  }))
  server.registerPrompt('greet', {}, () => ({ messages: [question] }))
  return server
}

/** The same with v2. */
export function v2Server(entered: Entered[]): V2 {
  const server = new V2(info, { capabilities: { logging: {} } })
  const enter = (tool: string, given: unknown, signal: AbortSignal) =>
    void entered.push({ tool, given, isAborted: () => signal.aborted })
  server.registerTool('lookup_customer', { inputSchema: withId }, async ({ id }, { mcpReq }) => {
    enter('lookup_customer', { id }, mcpReq.signal)
    return said(`customer ${id}`)
  })
  server.registerTool('export_customers', { inputSchema: withLimit }, async ({ limit }, { mcpReq }) => {
    enter('export_customers', { limit }, mcpReq.signal)
    if (limit === 13) throw new Error('thirteen')
    return said(`exported ${limit}`)
  })
  server.registerTool('lookup_slowly', { inputSchema: z.object({}) }, async (_given, { mcpReq }) => {
    enter('lookup_slowly', {}, mcpReq.signal)
    const progressToken = mcpReq._meta?.progressToken
    if (progressToken !== undefined)
      await mcpReq.notify({
        method: 'notifications/progress',
        params: { progressToken, progress: 1, total: 2 },
      })
    return new Promise((resolve) => mcpReq.signal.addEventListener('abort', () => resolve(said('stopped'))))
  })
  server.registerTool('lookup_asking', { inputSchema: z.object({}) }, async () => {
    const roots = await server.server.listRoots()
    const sampled = await server.server.createMessage({ messages: [question], maxTokens: 5 })
    const elicited = await server.server.elicitInput({
      message: 'Sure?',
      requestedSchema: { type: 'object', properties: { confirm: { type: 'boolean' } } },
    })
    return said(JSON.stringify([roots.roots, sampled.content, elicited.content]))
  })
  // As protocol 2026-07-28 asks back: by its answer.
  server.registerTool('export_confirmed', { inputSchema: withLimit }, async ({ limit }, { mcpReq }) => {
    enter('export_confirmed', { limit }, mcpReq.signal)
    if (acceptedContent(mcpReq.inputResponses, 'sure', plan)?.confirm !== true)
      return inputRequired({
        inputRequests: { sure: inputRequired.elicit({ message: 'Sure?', requestedSchema: plan }) },
      })
    return said(`exported ${limit}, confirmed`)
  })
  server.registerResource('terms', 'crm://terms', {}, async () => ({
    contents: [{ uri: 'crm://terms', text: 'Be kind.' }],
  }))
  server.registerPrompt('greet', {}, () => ({ messages: [question] }))
  return server
}

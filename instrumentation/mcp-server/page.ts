/** Whether clients are asked by MCP's own means: `HOLDPOINT_MCP_ELICITATION` is `on`. */
export const isElicitationOn = (): boolean => process.env.HOLDPOINT_MCP_ELICITATION === 'on'

export const MESSAGE = 'This call waits until a person approves it.'

/** Where people judge a request, for clients that say that they open pages; else undefined. */
export function pageOf(requestId: string, clientCapabilities: unknown): string | undefined {
  const { elicitation } = (clientCapabilities ?? {}) as { elicitation?: { url?: object } }
  const base = process.env.HOLDPOINT_CONSOLE_URL ?? ''
  if (elicitation?.url === undefined || !/^https?:\/\//.test(base) || !URL.canParse(base)) return undefined
  return new URL(`/requests/${encodeURIComponent(requestId)}`, base).href
}

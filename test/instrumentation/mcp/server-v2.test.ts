import { expect, test, vi } from 'vitest'
import { z } from 'zod'
import { call, connect } from '../../support/instrumentation/mcp.ts'
import { testInstrumentation } from '../../support/instrumentation.ts'
import { driver, pairOf } from '../drivers/mcp-server-v2.ts'
import { behaves, limits } from './servers.ts'

testInstrumentation(driver, limits(pairOf), (stage) => {
  behaves(stage, pairOf, 'tools/call')

  test('mcp-server - a handler with a schema of the program’s own is held with what that makes of the call', async () => {
    const { scene, sdk } = stage()
    const params = z.object({ name: z.string(), arguments: z.object({ limit: z.number().default(100) }) })
    const handler = vi.fn(async (given: object) => ({
      content: [{ type: 'text', text: JSON.stringify(given) }],
    }))
    const client = await connect(pairOf(sdk), 'app', ({ server }) =>
      server.setRequestHandler('tools/call' as never, { params } as never, handler as never),
    )
    const asked = { name: 'export_customers', arguments: {} }
    scene.broker.onRequest = () => 'denied'
    expect(await call(pairOf(sdk), client, asked)).toMatchObject({ isError: true })
    expect(handler).not.toHaveBeenCalled()
    scene.broker.onRequest = () => 'approved'
    const seen = { name: 'export_customers', arguments: { limit: 100 } }
    expect(await call(pairOf(sdk), client, asked)).toMatchObject({
      content: [{ text: JSON.stringify(seen) }],
    })
    expect(scene.broker.requests.map(({ attempt }) => attempt.action)).toMatchObject([seen, seen])
    await client.close()
  })
})

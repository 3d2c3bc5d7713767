import { expect } from 'vitest'
import { testInstrumentation } from '../../support/instrumentation.ts'
import { driver } from '../drivers/mcp-client-v2.ts'

testInstrumentation(driver, {
  streaming: {
    note: 'clients of v2 are given the result of a tool as a whole',
    test({ sdk }) {
      const members = Object.getOwnPropertyNames(sdk.Client.prototype)
      expect(members).toContain('callTool')
      expect(members.filter((name) => /stream|experimental/i.test(name))).toEqual([])
    },
  },
})

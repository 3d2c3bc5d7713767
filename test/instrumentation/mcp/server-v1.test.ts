import { CallToolRequestSchema } from '@modelcontextprotocol/sdk/types.js'
import { testInstrumentation } from '../../support/instrumentation.ts'
import { driver, pairOf } from '../drivers/mcp-server-v1.ts'
import { behaves, limits } from './servers.ts'

testInstrumentation(driver, limits(pairOf), (stage) => behaves(stage, pairOf, CallToolRequestSchema))

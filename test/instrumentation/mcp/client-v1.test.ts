import { testInstrumentation } from '../../support/instrumentation.ts'
import { driver } from '../drivers/mcp-client-v1.ts'

testInstrumentation(driver)

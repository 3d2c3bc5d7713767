import { testInstrumentation } from '../support/instrumentation.ts'
import { driver } from './drivers/openai-agents.ts'

testInstrumentation(driver)

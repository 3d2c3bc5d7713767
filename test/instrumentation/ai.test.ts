import { testInstrumentation } from '../support/instrumentation.ts'
import { driver } from './drivers/ai.ts'

testInstrumentation(driver)

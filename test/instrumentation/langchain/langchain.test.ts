import { testInstrumentation } from '../../support/instrumentation.ts'
import { driver } from '../drivers/langchain.ts'

testInstrumentation(driver)

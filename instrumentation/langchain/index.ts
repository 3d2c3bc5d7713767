import { type Instrumentation, replaceMethod } from '../instrumentation.ts'
import { gatedCall, untimedInvoke } from './call.ts'
import type { Call, Invoke } from './sdk.ts'

export { guard } from './guard.ts'
export {
  type DecidedInterrupts,
  decidedInterrupts,
  type GraphInterrupt,
  type Interrupt,
  interruptible,
} from './interrupt.ts'

/** Tools of `@langchain/core`, whoever calls them: `langchain`, `@langchain/langgraph`, or the program itself. */
export const langchain: Instrumentation = {
  name: 'langchain',
  packages: { '@langchain/core': '>=1.2 <2' },
  specifiers: ['@langchain/core/tools'],
  patch(exports, gate) {
    const { StructuredTool } = exports
    replaceMethod(
      StructuredTool,
      'call',
      (original) => gatedCall(original as unknown as Call, () => gate) as never,
    )
    replaceMethod(
      StructuredTool,
      'invoke',
      (original) => untimedInvoke(original as unknown as Invoke) as never,
    )
  },
}

import { type Instrumentation, replaceMethod } from '../instrumentation.ts'
import { gatedCall, untimedInvoke } from './call.ts'
import { gatedRunnable } from './runnable.ts'
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
  specifiers: ['@langchain/core/tools', '@langchain/core/runnables'],
  patch(exports, gate) {
    const { RunnableToolLike, StructuredTool } = exports
    if (RunnableToolLike !== undefined)
      return replaceMethod(
        RunnableToolLike,
        'invoke',
        (original) => gatedRunnable(original as never, gate) as never,
      )
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

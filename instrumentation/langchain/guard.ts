import { gateOfProcess } from '../process-gate.ts'
import { gatedCall, isGated, markGated, untimedInvoke } from './call.ts'
import type { Call, Invoke, Tool } from './sdk.ts'

/**
 * Puts this very tool under the gate of this process, for programs that a bundler has put into one file, where no hook
 * reaches the SDK: `createAgent({ tools: [guard(exportCustomers)] })`. A tool that a hook guards as well asks once.
 */
export function guard<T extends Tool>(tool: T): T {
  if (isGated(tool)) return tool
  const original = tool.call as unknown as Call
  const gated = gatedCall(original, gateOfProcess)
  const call: Call = function (this: Tool, ...given) {
    // The hook came after us.
    return (isGated(Object.getPrototypeOf(this)) ? original : gated).apply(this, given)
  }
  return Object.defineProperties(tool, {
    call: own(markGated(call)),
    invoke: own(untimedInvoke(tool.invoke as unknown as Invoke)),
  })
}

const own = (value: unknown): PropertyDescriptor => ({ value, writable: true, configurable: true })

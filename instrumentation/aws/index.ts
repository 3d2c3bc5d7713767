import { type Instrumentation, replaceMethod } from '../instrumentation.ts'
import { actionOf } from './action.ts'
import { createCall } from './call.ts'
import { middlewaresOf, type Stack } from './middlewares.ts'
import { type Configuration, checkingHandler } from './request.ts'

/**
 * AWS SDK v3, every service: each call resolves its middleware by one method of `Command`, a presigned URL's, a
 * paginator's and a waiter's too. What people approve is the input; it is held before it is serialized and signed.
 */
export const aws: Instrumentation = {
  name: 'aws',
  // The class has moved from the one into the other.
  packages: { '@smithy/core': '>=3.24 <4', '@smithy/smithy-client': '>=3.7 <5' },
  specifiers: ['@smithy/core/client', '@smithy/smithy-client'],
  patch(exports, gate) {
    replaceMethod(exports.Command, 'resolveMiddlewareWithContext', (original) => {
      const resolve = original as unknown as Resolve
      return function resolveMiddlewareWithContext(this: unknown, stack, configuration, options, details) {
        const operation = details.commandName.replace(/Command$/, '')
        const call = createCall({
          gate,
          describe: (input) => actionOf(operation, configuration, input),
          serviceId: configuration.serviceId ?? '',
          operation,
          isPresigned: stack.identify().some((one) => one.startsWith('presignInterceptMiddleware')),
          abortSignal: options?.abortSignal,
        })
        const held = stack.clone()
        for (const { middleware, place } of middlewaresOf(call)) held.add(middleware, place)
        return resolve.call(this, held, checkingHandler(configuration, call), options, details)
      } satisfies Resolve as never
    })
  },
}

type Resolve = (
  this: unknown,
  stack: Stack,
  configuration: Configuration,
  options: { abortSignal?: unknown } | undefined,
  details: { commandName: string },
) => unknown

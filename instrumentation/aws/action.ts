import { iamPrefix } from '#contract'
import type { GateAttempt } from '#gate'
import type { Configuration } from './request.ts'
import { resourceOf } from './resources.ts'

/** `s3:DeleteBucket` on `arn:aws:s3:::invoices`: as IAM writes it, and as spans of AWS calls are read. */
export async function actionOf(
  operation: string,
  { serviceId = '', region }: Configuration,
  input: Record<string, unknown>,
): Promise<Pick<GateAttempt, 'kind' | 'name' | 'target'>> {
  const service = iamPrefix(serviceId)
  const target = resourceOf(service, input, await regionOf(region))
  return {
    kind: 'aws',
    name: `${service || '?'}:${operation}`,
    ...(target === undefined ? {} : { target }),
  }
}

/** A client without a region fails by itself, later and with its own words. */
async function regionOf(region: Configuration['region']): Promise<string> {
  try {
    return (typeof region === 'function' ? await region() : region) ?? ''
  } catch {
    return ''
  }
}

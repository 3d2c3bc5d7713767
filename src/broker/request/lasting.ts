import { type Action, HoldpointError } from '#contract'
import { detectSecrets } from '../redact/detect.ts'

/**
 * What of an action stands in the ledger in clear. Arguments are sealed and can be erased; this is there for good,
 * and so nothing that looks like a secret gets there. Throws INVALID_INPUT.
 */
export function refuseLastingSecrets({ kind, name, target, runtime: { precondition } }: Action): void {
  const lasting = { kind, name, target, 'runtime.precondition': precondition }
  for (const [member, text] of Object.entries(lasting)) {
    if (text === undefined) continue
    const { value, found } = detectSecrets(text, '')
    if (found.length === 0) continue
    throw new HoldpointError(
      'INVALID_INPUT',
      `request: attempt.action.${member} is ${JSON.stringify(value)}, expected a text without secrets: ` +
        'it would stand in the ledger for good. Put what is secret into the arguments, which can be erased',
    )
  }
}

/** The same for an error's name, of 200 characters at most: what became of the action is recorded all the same. */
export const withoutSecrets = (text: string): string =>
  (detectSecrets(text, '').value as string).slice(0, 200).toWellFormed()

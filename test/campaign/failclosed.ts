import type { Guard } from '../support/guards.ts'
import type { RunOptions } from '../support/runner.ts'
import { failClosed } from './failclosed/run.ts'

export const summary =
  'Every dependency in every bad state, at every enforcement point: nothing runs, nothing hangs, and it works again.'

/** With one taken away, the cases that `about` names are enough to show it. */
interface FaultGuard extends Guard {
  cases: RegExp
}

export const guards: readonly FaultGuard[] = [
  {
    name: 'warrant-signature',
    about: 'A broker with another key.',
    file: 'src/warrant/trust.ts',
    find: 'return signer?.use === use ? signer.key : undefined',
    replace:
      'return typ === TYP.warrant ? { kid, verify: () => true } : signer?.use === use ? signer.key : undefined',
    cases: /another key/,
  },
  {
    name: 'policy-expiry',
    about: 'A policy that nobody vouches for any more.',
    file: 'src/warrant/trust.ts',
    find: "checkNotExpired('policy', document, nowS())",
    replace: '',
    cases: /gate: policy: expired/,
    // The gate looks again at every action.
    and: [
      {
        file: 'src/gate/authority.ts',
        find: 'expiresAtMs: Math.min(keySet.exp, document.exp) * 1000,',
        replace: 'expiresAtMs: keySet.exp * 1000,',
      },
    ],
  },
  {
    name: 'clock',
    about: 'Warrants from the future, and of the past.',
    file: 'src/warrant/claims.ts',
    find: 'if (!(iat <= nowS + CLOCK_LEEWAY_S))',
    replace: 'if (false as boolean)',
    cases: /clock: the broker’s is ten minutes ahead/,
    and: [
      {
        file: 'src/warrant/claims.ts',
        find: 'if (!(claims.nbf <= nowS + CLOCK_LEEWAY_S))',
        replace: 'if (false as boolean)',
      },
    ],
  },
  {
    name: 'closed-by-error',
    about: 'A gate that lets run what it could not ask about.',
    file: 'src/gate/decide.ts',
    find: '    })\n  } catch (error) {\n    return refused(span, refuseFor(error, attempt.name))',
    replace:
      '    })\n  } catch (error) {\n    return createPermit({ attempt, approved: takeArguments(attempt).value, span, freeze: core.deps.freeze })',
    cases: /gate: (policy: missing|key set: expired)/,
  },
]

/** The whole matrix, or `n` of it. */
export function run({ n, without, say }: RunOptions): Promise<Record<string, unknown>> {
  const cases = guards.find(({ name }) => name === without)?.cases
  return failClosed({ say, ...(cases ? { about: cases } : {}), ...(n === undefined ? {} : { most: n }) })
}

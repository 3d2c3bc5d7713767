import { createAccount, createUser } from '@nats-io/nkeys'

/** A `.creds` file in form; for servers that do not ask who connects. */
export function userCredentials(): string {
  const user = createUser()
  const claims = Buffer.from(
    JSON.stringify({ sub: user.getPublicKey(), iss: createAccount().getPublicKey() }),
  )
  const jwt = `eyJhbGciOiJlZDI1NTE5LW5rZXkifQ.${claims.toString('base64url')}.${'A'.repeat(86)}`
  return `-----BEGIN NATS USER JWT-----
${jwt}
------END NATS USER JWT------

-----BEGIN USER NKEY SEED-----
${new TextDecoder().decode(user.getSeed())}
------END USER NKEY SEED------
`
}

/**
 * Everything that is seeded carries these names, under domains that RFC 2606 keeps free: nobody's real telemetry,
 * agent or person has them, and what carries none of them was not seeded.
 */
export const IDP = 'https://idp.seed.example'
/** The installation that registered the agents. */
export const INSTALLATION = 'seed.example/holdpoint'
/** `service.namespace` of everything that sends telemetry. */
export const NAMESPACE = 'seed.example'
/** Which log the ledger's rows are of. A real one is named by the number of its epoch. */
export const LEDGER = 'seed'

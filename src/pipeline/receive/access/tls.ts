import { X509Certificate } from 'node:crypto'
import { createSecureContext, type SecureContextOptions, type Server } from 'node:tls'
import { HoldpointError } from '#contract'
import type { Log } from '#runtime'
import { createWatch, readConfigured } from './files.ts'

/** Paths of PEM files, as in the configuration. */
export interface TlsConfig {
  cert?: string | undefined
  key?: string | undefined
  /** Whose certificates senders must show. */
  clientCa?: string | undefined
}

export interface Tls {
  readonly asksForCertificate: boolean
  /** Reads the files. Throws INVALID_CONFIG with the key and the path of the one that cannot be used. */
  read(): SecureContextOptions
  /** From now on the server's new connections use what the files hold by then. */
  follow(server: SecureServer): void
}

type SecureServer = Pick<Server, 'setSecureContext' | 'prependListener'>

/** Undefined where nothing of TLS is configured. Throws INVALID_CONFIG where only part of what it needs is. */
export function createTls(
  { cert, key, clientCa }: TlsConfig,
  { now, log }: { now: () => number; log: Log },
): Tls | undefined {
  if (cert === undefined && key === undefined && clientCa === undefined) return undefined
  if (cert === undefined) throw missing('cert')
  if (key === undefined) throw missing('key')
  const watch = createWatch([cert, key, ...(clientCa === undefined ? [] : [clientCa])], now)

  const read = (): SecureContextOptions => {
    watch.hasChanged()
    const options: SecureContextOptions = {
      cert: readConfigured('pipeline.tls.cert', cert),
      minVersion: 'TLSv1.2',
    }
    tryOut('cert', cert, options)
    options.key = readConfigured('pipeline.tls.key', key)
    tryOut('key', key, options)
    if (clientCa === undefined) return options
    options.ca = readConfigured('pipeline.tls.clientCa', clientCa)
    // OpenSSL passes over whatever is no certificate, and then trusts nobody.
    attempt('clientCa', clientCa, () => new X509Certificate(options.ca as Buffer))
    return options
  }

  const followers = new Set<SecureServer>()
  function refresh(): void {
    if (!watch.hasChanged()) return
    try {
      const options = read()
      for (const server of followers) server.setSecureContext(options)
      log.info('certificates were read again', { cert })
    } catch (error) {
      log.error('the new certificates cannot be used; those before go on', { error })
    }
  }

  return {
    asksForCertificate: clientCa !== undefined,
    read,
    follow(server) {
      followers.add(server)
      server.prependListener('connection', refresh)
    },
  }
}

const tryOut = (name: string, path: string, options: SecureContextOptions): void =>
  attempt(name, path, () => createSecureContext(options))

function attempt(name: string, path: string, use: () => unknown): void {
  try {
    use()
  } catch (cause) {
    const reason = reasonOf(cause as NodeJS.ErrnoException, name)
    throw new HoldpointError('INVALID_CONFIG', `pipeline.tls.${name}: ${path} cannot be used: ${reason}`, {
      cause,
    })
  }
}

/** OpenSSL’s own words do not say what to do. */
function reasonOf({ code, message }: NodeJS.ErrnoException, name: string): string {
  if (code === 'ERR_OSSL_X509_KEY_VALUES_MISMATCH')
    return 'it is not the key of the certificate in pipeline.tls.cert'
  if (code !== 'ERR_OSSL_PEM_NO_START_LINE' && code !== 'ERR_OSSL_UNSUPPORTED') return message
  return `it holds no ${name === 'key' ? 'private key' : 'certificate'} in PEM`
}

const missing = (name: string): HoldpointError =>
  new HoldpointError(
    'INVALID_CONFIG',
    `pipeline.tls.${name} is missing: TLS needs a certificate and its key, expected pipeline.tls.cert and pipeline.tls.key`,
  )

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface Certificate {
  /** PKCS#12 with the key and the certificate. */
  readonly keystoreFile: string
  readonly keystorePassword: string
  /** PEM of the certificate, which is its own authority. */
  readonly caFile: string
}

/** Makes a certificate for 127.0.0.1 by Java's keytool, which is there wherever a broker runs. */
export async function createCertificate(folder: string): Promise<Certificate> {
  const keystoreFile = join(folder, 'broker.p12')
  const caFile = join(folder, 'ca.pem')
  const keystorePassword = 'only-for-tests'
  const store = ['-keystore', keystoreFile, '-storetype', 'PKCS12', '-storepass', keystorePassword, '-alias', 'broker']
  const key = ['-keyalg', 'EC', '-groupname', 'secp256r1', '-validity', '2', '-dname', 'CN=broker']
  await run('keytool', ['-genkeypair', ...store, ...key, '-ext', 'san=ip:127.0.0.1', '-ext', 'bc:c'])
  await run('keytool', ['-exportcert', '-rfc', ...store, '-file', caFile])
  return { keystoreFile, keystorePassword, caFile }
}

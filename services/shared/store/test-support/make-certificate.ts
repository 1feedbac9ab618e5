import { createSign, generateKeyPairSync, randomBytes } from 'node:crypto'

/** A key and the certificate that it has signed for itself, PEM. */
export interface TestCertificate {
  readonly certificate: string
  readonly key: string
}

/** One element of DER (X.690): tag, length, content. */
function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts)
  const { length } = body
  const prefix = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...prefix]), body])
}

const bytes = (...values: readonly number[]) => Buffer.from(values)
const sequence = (...parts: readonly Uint8Array[]) => der(0x30, ...parts)
const ecdsaWithSha256 = sequence(der(0x06, bytes(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02)))
const time = (text: string) => der(0x17, Buffer.from(text))

/** Makes a certificate (RFC 5280) for 127.0.0.1 that is its own authority, so that no test keeps a key. */
export function makeCertificate(): TestCertificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const name = sequence(der(0x31, sequence(der(0x06, bytes(0x55, 0x04, 0x03)), der(0x0c, Buffer.from('test')))))
  const alternative = der(0x04, sequence(der(0x87, bytes(127, 0, 0, 1))))
  const authority = der(0x04, sequence(der(0x01, bytes(0xff))))
  const signed = sequence(
    der(0xa0, der(0x02, bytes(2))),
    der(0x02, bytes(1), randomBytes(15)),
    ecdsaWithSha256,
    name,
    sequence(time('200101000000Z'), time('491231235959Z')),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(
      0xa3,
      sequence(
        sequence(der(0x06, bytes(0x55, 0x1d, 0x11)), alternative),
        sequence(der(0x06, bytes(0x55, 0x1d, 0x13)), der(0x01, bytes(0xff)), authority),
      ),
    ),
  )
  const signature = der(0x03, bytes(0), createSign('sha256').update(signed).sign(privateKey))
  const base64 = sequence(signed, ecdsaWithSha256, signature).toString('base64').replace(/.{64}/g, '$&\n')
  return {
    certificate: `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

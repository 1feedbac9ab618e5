import { z } from 'zod'

const scheme = 's3:'
const addressPattern = /^s3:\/\/([^/]+)(?:\/(.*))?$/

/** Names and prefixes whose characters mean the same in an address, in a request and in a signature. */
const bucketSchema = z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, {
  error: 'valid is: the name of a bucket, 3 to 63 of a-z, 0-9, "." and "-"',
})
const prefixSchema = z
  .string()
  .max(512)
  .regex(/^([A-Za-z0-9][A-Za-z0-9._-]*(\/[A-Za-z0-9][A-Za-z0-9._-]*)*\/?)?$/, {
    error: 'valid is: names of A-Z, a-z, 0-9, ".", "_" and "-" with "/" between them',
  })

/** A bucket of an S3-compatible store; what is absent comes from the environment (services/shared/config/s3-environment.ts). */
const s3PlaceSchema = z.strictObject({
  bucket: bucketSchema,
  /** Models are the objects PREFIX/ID.onnx; those of the whole bucket where empty. */
  prefix: prefixSchema.default(''),
  /** `https://HOST[:PORT]`; that of Amazon in the region where neither this nor the environment says it. */
  endpoint: z.url({ protocol: /^https?$/, error: 'valid is: https://HOST, https://HOST:PORT' }).optional(),
  /** Part of every signature; `us-east-1` where neither this nor the environment says it. */
  region: z
    .string()
    .regex(/^[A-Za-z0-9-]{1,64}$/, { error: 'valid is: the name of a region, e.g. eu-central-1' })
    .optional(),
  accessKeyId: z.string().min(1).max(256).optional(),
  /** File that holds the secret of `accessKeyId`, one line: a secret has no place in a configuration. */
  secretAccessKeyFile: z.string().min(1).optional(),
  /** Only where the endpoint is one of https. */
  tls: z
    .strictObject({
      /** PEM file of the authorities that the server's certificate is checked against, read once; those of Node where absent. */
      caFile: z.string().min(1).optional(),
    })
    .optional(),
  /** How long one request may take, its answer read, ms. */
  timeoutMs: z.int().min(10).max(3_600_000).default(60_000),
  /** Attempts of a request before it fails: servers that are overloaded or restart are asked again. */
  attempts: z.int().min(1).max(10).default(4),
  /** A larger model is refused, bytes. */
  maxModelBytes: z.int().min(1024).max(4_294_967_296).default(536_870_912),
})

/**
 * Where models are kept: a folder, `s3://BUCKET/PREFIX` with the rest from the environment, or a bucket with all that there is to
 * say of it.
 */
export const modelPlaceSchema = z.union([
  s3PlaceSchema,
  z
    .string()
    .min(1)
    .refine((text) => !text.startsWith(scheme) || s3PlaceSchema.safeParse(splitAddress(text)).success, {
      error: 'valid is: a folder, or s3://BUCKET/PREFIX',
    }),
])

export type S3Place = z.output<typeof s3PlaceSchema>
export type ModelPlace = z.output<typeof modelPlaceSchema>

function splitAddress(text: string): { readonly bucket?: string; readonly prefix?: string } {
  const [, bucket, prefix = ''] = addressPattern.exec(text) ?? []
  return bucket === undefined ? {} : { bucket, prefix }
}

/** The bucket that a place names; undefined where it is a folder. Throws where the text has not passed `modelPlaceSchema`. */
export function bucketOf(place: ModelPlace): S3Place | undefined {
  if (typeof place !== 'string') return place
  return place.startsWith(scheme) ? s3PlaceSchema.parse(splitAddress(place)) : undefined
}

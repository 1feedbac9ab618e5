import process from 'node:process'

/** What the environment says of an S3 store, by the names that the tools of S3 share; undefined where it says nothing. */
export interface S3Environment {
  /** `AWS_ENDPOINT_URL_S3`, else `AWS_ENDPOINT_URL`. */
  readonly endpoint: string | undefined
  /** `AWS_REGION`, else `AWS_DEFAULT_REGION`. */
  readonly region: string | undefined
  /** `AWS_ACCESS_KEY_ID`. */
  readonly accessKeyId: string | undefined
  /** `AWS_SECRET_ACCESS_KEY`. */
  readonly secretAccessKey: string | undefined
  /** `AWS_SESSION_TOKEN`, of credentials that are lent for a time. */
  readonly sessionToken: string | undefined
}

/** Reads `AWS_*`; empty variables count as not set. */
export function readS3Environment(environment: NodeJS.ProcessEnv = process.env): S3Environment {
  const first = (...names: readonly string[]) => names.map((name) => environment[name]).find((value) => value)
  return {
    endpoint: first('AWS_ENDPOINT_URL_S3', 'AWS_ENDPOINT_URL'),
    region: first('AWS_REGION', 'AWS_DEFAULT_REGION'),
    accessKeyId: first('AWS_ACCESS_KEY_ID'),
    secretAccessKey: first('AWS_SECRET_ACCESS_KEY'),
    sessionToken: first('AWS_SESSION_TOKEN'),
  }
}

import { z } from 'zod'

const pgliteSchema = z.strictObject({
  kind: z.literal('pglite'),
  /** Directory of the database; in memory, and gone with the process, where absent. */
  directory: z.string().min(1).optional(),
})

const postgresSchema = z.strictObject({
  kind: z.literal('postgres'),
  /** `HOST:PORT`, or the directory of the server's unix socket. */
  address: z.string().min(1),
  database: z.string().min(1).max(63).default('pelletline'),
  user: z.string().min(1).max(63).default('pelletline'),
  /** File that holds the password, one line: a secret has no place in a configuration. */
  passwordFile: z.string().min(1).optional(),
  tls: z
    .strictObject({
      /** PEM file of the authorities that the server's certificate is checked against; those of Node where absent. */
      caFile: z.string().min(1).optional(),
    })
    .optional(),
  /** Most connections of this process. */
  connections: z.int().min(1).max(256).default(8),
  /**
   * Whether an older schema is brought up to date at the start; where not, the service waits for `pelletline database migrate`,
   * which is run apart, by a user who may change the schema.
   */
  migrate: z.boolean().default(true),
})

/** `database:` of a service's configuration. */
export const databaseConfigSchema = z
  .discriminatedUnion('kind', [pgliteSchema, postgresSchema])
  .prefault({ kind: 'pglite' })

export type DatabaseConfig = z.output<typeof databaseConfigSchema>
/** A PostgreSQL server and how to reach it. */
export type PostgresConfig = z.output<typeof postgresSchema>

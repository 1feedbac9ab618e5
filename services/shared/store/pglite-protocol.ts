/** What the store asks of its worker; answered in order, one at a time. */
export type WorkerRequest =
  | { readonly id: number; readonly kind: 'query'; readonly sql: string; readonly parameters: readonly unknown[] }
  | { readonly id: number; readonly kind: 'close' }

/** Failure of a statement as PostgreSQL reports it. */
export interface SqlFailure {
  readonly message: string
  /** SQLSTATE, e.g. `23505`; empty where the failure did not come from the database. */
  readonly sqlState: string
}

/** The worker's answers; `ready` and `failed` come once, before any other. */
export type WorkerReply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly failure: SqlFailure }
  | {
      readonly kind: 'rows'
      readonly id: number
      readonly rows: readonly Record<string, unknown>[]
      readonly affected: number
    }
  | { readonly kind: 'error'; readonly id: number; readonly failure: SqlFailure }
  | { readonly kind: 'closed'; readonly id: number }

/** What the worker is started with. */
export interface PgliteWorkerData {
  /** Directory of the database; in memory where absent. */
  readonly directory: string | undefined
}

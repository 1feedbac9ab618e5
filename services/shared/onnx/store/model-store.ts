/** What a store holds beside the network itself. */
export interface StoredDescription {
  /** Bytes of the manifest. */
  readonly manifest: Buffer
  /** Bytes of the signature; undefined where there is none. */
  readonly signature: Buffer | undefined
}

/** Where model files are kept: anything that lists ids and gives bytes. Nothing in it is trusted because it is there. */
export interface ModelStore {
  /** Where it is, for messages. */
  readonly place: string
  /**
   * Ids of the models, in order, at most 1,000. Rejects with `unavailable` where the store cannot be read, and where somebody must
   * see to that with `not_found` or `failed_precondition`.
   */
  list(signal?: AbortSignal): Promise<readonly string[]>
  /**
   * What is known of a model without its weights; rejects with `not_found`. With `asListed` it may be as old as the last `list`,
   * so that a remote store need not be asked for every model again while nothing changes.
   */
  describe(id: string, signal?: AbortSignal, asListed?: boolean): Promise<StoredDescription>
  /** The ONNX file; rejects with `not_found`. */
  open(id: string, signal?: AbortSignal): Promise<Buffer>
  /** A model of the store as messages call it: its path or address. */
  nameOf(id: string): string
}

/** Most models of one listing. */
export const maxListed = 1000

/** Ids of models; no path leads out of a store by them. */
export const modelIdPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/

import type { ServedDatatype } from './served-models.ts'

/** Elements of an input as they came: raw little-endian bytes, or numbers in a field or list of the stated name. */
export type InputData =
  | { readonly kind: 'raw'; readonly bytes: Uint8Array }
  | { readonly kind: 'numbers'; readonly numbers: ArrayLike<number>; readonly datatypes: readonly ServedDatatype[] }
  | { readonly kind: 'none' }

/** An input as it came over either half of the protocol; nothing of it has been checked. */
export interface CallInput {
  readonly name: string
  readonly datatype: string
  readonly shape: readonly (number | bigint)[]
  readonly data: InputData
  /** Names of its parameters. */
  readonly parameters: readonly string[]
}

/** An output that is wanted. */
export interface CallOutput {
  readonly name: string
  /** Names of its parameters. */
  readonly parameters: readonly string[]
}

/** A request in the terms that the gRPC and the REST half of the protocol share. */
export interface InferCall {
  readonly model: string
  /** Empty: the one that is in use. */
  readonly version: string
  readonly inputs: readonly CallInput[]
  /** Empty: all. */
  readonly outputs: readonly CallOutput[]
  /** Patience of the caller, microseconds; undefined: without end. */
  readonly timeoutUs: number | bigint | undefined
}

import type { OnnxType, TensorData } from './onnx-proto.ts'

/** A tensor on its way to or from a graph worker; its buffer is moved, not copied, unless it is shared. */
export interface WorkerTensor {
  readonly type: OnnxType
  readonly dims: readonly number[]
  readonly data: TensorData
}

/** What an input is fed from: values, or a tensor that the worker keeps under a name. */
export type Feed = WorkerTensor | { readonly kept: string }

export interface LoadRequest {
  readonly kind: 'load'
  readonly model: string
  readonly bytes: Uint8Array
}

export interface RunRequest {
  readonly kind: 'run'
  readonly model: string
  readonly feeds: Readonly<Record<string, Feed>>
  /** Outputs that stay in the worker, by the name under which they are kept. */
  readonly keep: Readonly<Record<string, string>>
  /** Outputs that come back. */
  readonly fetch: readonly string[]
}

export interface PutRequest {
  readonly kind: 'put'
  readonly tensors: Readonly<Record<string, WorkerTensor>>
}

export interface GetRequest {
  readonly kind: 'get'
  readonly names: readonly string[]
}

export interface ReleaseRequest {
  readonly kind: 'release'
  readonly model: string
}

export type GraphRequest = LoadRequest | RunRequest | PutRequest | GetRequest | ReleaseRequest

export interface GraphReply {
  readonly id: number
  readonly tensors?: Readonly<Record<string, WorkerTensor>>
  /** What ONNX Runtime said when it failed. */
  readonly failure?: string
}

/** What the worker is started with. */
export interface GraphWorkerData {
  readonly threads: number
  readonly executionProviders: readonly string[]
  readonly spinning: boolean
  readonly niceness: number
}

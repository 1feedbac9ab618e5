import { join } from 'node:path'

/** How a server is asked: the Open Inference Protocol over gRPC, or raw crops in the body of an HTTP request. */
export type Protocol = 'gRPC' | 'HTTP'

/** A serving system of others. */
export interface PeerSystem {
  readonly name: string
  readonly title: string
  /** Its package and version, pinned as all of `requirements`. */
  readonly version: string
  readonly requirements: readonly string[]
  readonly protocol: Protocol
  /** How it batches, as its documentation has it. */
  readonly batching: string
  /** Python program that serves the model: `SCRIPT MODEL.onnx PORT`. */
  readonly script: string
}

/** The same ONNX Runtime in every peer, that of onnxruntime-node here. */
export const runtimeVersion = '1.30.0'
const shared = [`onnxruntime==${runtimeVersion}`, 'numpy']
const script = (name: string) => join(import.meta.dirname, 'servers', `${name}_server.py`)

/** Every peer that is compared with. */
export const peerSystems: readonly PeerSystem[] = [
  {
    name: 'pytriton',
    title: 'PyTriton',
    version: '0.7.0',
    requirements: ['nvidia-pytriton==0.7.0', ...shared],
    protocol: 'gRPC',
    batching: 'dynamic batcher of Triton',
    script: script('pytriton'),
  },
  {
    name: 'kserve',
    title: 'KServe',
    version: '0.21.0',
    requirements: ['kserve==0.21.0', ...shared],
    protocol: 'gRPC',
    batching: 'none in the server',
    script: script('kserve'),
  },
  {
    name: 'mlserver',
    title: 'MLServer',
    version: '1.7.1',
    // Newer uvloop has no event loop where MLServer's workers ask for one.
    requirements: ['mlserver==1.7.1', 'uvloop==0.21.0', ...shared],
    protocol: 'gRPC',
    batching: 'adaptive batching',
    script: script('mlserver'),
  },
  {
    name: 'litserve',
    title: 'LitServe',
    version: '0.2.19',
    requirements: ['litserve==0.2.19', ...shared],
    protocol: 'HTTP',
    batching: 'max_batch_size, batch_timeout',
    script: script('litserve'),
  },
  {
    name: 'bentoml',
    title: 'BentoML',
    version: '1.4.40',
    requirements: ['bentoml==1.4.40', ...shared],
    protocol: 'HTTP',
    batching: 'adaptive batching',
    script: script('bentoml'),
  },
  {
    name: 'ray',
    title: 'Ray Serve',
    version: '2.60.0',
    requirements: ['ray[serve]==2.60.0', 'tritonclient[grpc]==2.73.0', ...shared],
    protocol: 'gRPC',
    batching: '@serve.batch',
    script: script('ray'),
  },
]

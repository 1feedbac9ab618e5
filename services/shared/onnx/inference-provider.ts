import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { PelletlineError } from '../errors/pelletline-error.ts'

/** What may compute a model. */
export const inferenceProviders = ['cpu', 'cuda'] as const

export type InferenceProvider = (typeof inferenceProviders)[number]

/** What a provider needs of the machine. */
export interface ProviderSurroundings {
  /** Name of the machine, for messages. */
  readonly machine: string
  /** `linux-x64`. */
  readonly platform: string
  /** Folder of ONNX Runtime's own libraries. */
  readonly libraries: string
  readonly exists: (path: string) => boolean
}

/** Libraries of the CUDA provider, which the npm package leaves out for their size. */
const cudaLibraries = ['libonnxruntime_providers_shared.so', 'libonnxruntime_providers_cuda.so']

/** The driver's devices: on bare metal and in containers, and under WSL. */
const gpuDevices = ['/dev/nvidiactl', '/dev/dxg']

/** This machine, with the runtime as it is installed. */
function ownSurroundings(): ProviderSurroundings {
  const { platform, arch } = process
  const require = createRequire(import.meta.url)
  const root = dirname(require.resolve('onnxruntime-node/package.json'))
  return {
    machine: hostname(),
    platform: `${platform}-${arch}`,
    libraries: join(root, 'bin', 'napi-v6', platform, arch),
    exists: existsSync,
  }
}

/** An error that names provider and machine, and how to go on. */
export function providerError(
  provider: InferenceProvider,
  what: string,
  nextStep: string,
  machine: string = hostname(),
  cause?: unknown,
): PelletlineError {
  const text = `Provider ${provider} cannot be used on ${machine}: ${what}. ${nextStep}, or set provider: cpu; it is not replaced by itself.`
  return new PelletlineError('failed_precondition', text, { cause })
}

/**
 * Throws `failed_precondition`, naming provider, machine and next step, where a provider cannot work: CUDA without the runtime's
 * libraries for it, without a GPU, or on another platform than Linux on x64. What only the driver knows shows when a model is loaded.
 */
export function requireProvider(
  provider: InferenceProvider,
  { machine, platform, libraries, exists }: ProviderSurroundings = ownSurroundings(),
): void {
  if (provider === 'cpu') return
  if (platform !== 'linux-x64') {
    throw providerError(
      provider,
      `ONNX Runtime for Node has it on linux-x64 only, this is ${platform}`,
      'Run the student there',
      machine,
    )
  }
  const missing = cudaLibraries.filter((name) => !exists(join(libraries, name)))
  if (missing.length > 0) {
    throw providerError(
      provider,
      `${missing.join(' and ')} ${missing.length === 1 ? 'is' : 'are'} not in ${libraries}`,
      'Install them with `ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node` where nuget.org can be reached, with CUDA 12 and cuDNN 9 beside them',
      machine,
    )
  }
  if (!gpuDevices.some(exists)) {
    throw providerError(
      provider,
      `no NVIDIA GPU is visible (${gpuDevices.join(', ')})`,
      'Start the student where `nvidia-smi` lists one (in Kubernetes: nvidia.com/gpu among the limits)',
      machine,
    )
  }
}

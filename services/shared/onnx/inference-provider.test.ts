import assert from 'node:assert/strict'
import test from 'node:test'
import { type ProviderSurroundings, requireProvider } from './inference-provider.ts'

const shared = '/ort/libonnxruntime_providers_shared.so'
const cuda = '/ort/libonnxruntime_providers_cuda.so'

function machine(...files: readonly string[]): ProviderSurroundings {
  return { machine: 'line-pc', platform: 'linux-x64', libraries: '/ort', exists: (path) => files.includes(path) }
}

test('CUDA is refused where its libraries or a GPU are missing, naming provider, machine and next step', () => {
  const refused = (message: RegExp, where: ProviderSurroundings) =>
    assert.throws(() => requireProvider('cuda', where), { code: 'failed_precondition', message })
  refused(
    /^Provider cuda .* on line-pc: .*providers_shared\.so and .*providers_cuda\.so are not in \/ort\. Install /,
    machine(),
  )
  refused(/providers_cuda\.so is not in .*cuda12/, machine(shared, '/dev/nvidiactl'))
  refused(/line-pc: no NVIDIA GPU is visible .*nvidia-smi.*provider: cpu/, machine(shared, cuda))
  refused(/linux-x64 only, this is darwin-arm64/, { ...machine(shared, cuda), platform: 'darwin-arm64' })
})

test('CUDA passes where all is there, and the processor is asked for nothing', () => {
  requireProvider('cuda', machine(shared, cuda, '/dev/nvidiactl'))
  requireProvider('cpu', machine())
})

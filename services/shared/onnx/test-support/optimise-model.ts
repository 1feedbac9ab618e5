import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InferenceSession } from 'onnxruntime-node'
import type { ModelProto } from '../../../gen/third_party/onnx/onnx_pb.ts'
import { disableRuntimeTelemetry } from '../../config/disable-runtime-telemetry.ts'
import { decodeModel } from '../onnx-proto.ts'

/** The graph that ONNX Runtime runs for a model's bytes on this machine, as its optimiser leaves it. */
export async function optimiseModel(bytes: Uint8Array): Promise<ModelProto> {
  const folder = await mkdtemp(join(tmpdir(), 'pelletline-optimised-'))
  const path = join(folder, 'optimised.onnx')
  disableRuntimeTelemetry()
  try {
    const session = await InferenceSession.create(bytes, { optimizedModelFilePath: path, logSeverityLevel: 3 })
    await session.release()
    return decodeModel(await readFile(path), path)
  } finally {
    await rm(folder, { recursive: true })
  }
}

import { createRequire } from 'node:module'
import process from 'node:process'

/** What runs the models: `ONNX Runtime 1.30.0, Node 24.21.0`. */
export function describeRuntime(): string {
  const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json') as { readonly version: string }
  return `ONNX Runtime ${version}, Node ${process.versions.node}`
}

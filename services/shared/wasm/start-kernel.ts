import { readFileSync } from 'node:fs'

/** A compiled kernel; it can be started any number of times. */
export type CompiledKernel = { readonly brand: 'CompiledKernel' }

/** A kernel at work with a memory of its own, of fixed size. */
export interface StartedKernel<Exports> {
  readonly exports: Exports
  /** The whole memory; addresses of the kernel's functions are places in it. */
  readonly memory: Uint8Array<SharedArrayBuffer>
}

/** The part of WebAssembly that is used here: TypeScript knows it only as a part of the browser. */
interface WebAssemblyPort {
  readonly Module: new (bytes: Uint8Array) => CompiledKernel
  readonly Memory: new (size: { initial: number; maximum: number; shared: true }) => { buffer: SharedArrayBuffer }
  readonly Instance: new (module: CompiledKernel, imports: object) => { readonly exports: unknown }
}

const { WebAssembly: port } = globalThis as unknown as { readonly WebAssembly: WebAssemblyPort }

const pageBytes = 65_536
/** Pages that scripts/build-kernels.mjs has kernels ask for at least. */
const leastPages = 16

/** Compiles what `npm run kernels` has made of a kernel's folder. Throws what reading the file throws. */
export function compileKernel(file: URL): CompiledKernel {
  return new port.Module(readFileSync(file))
}

/** Starts a kernel with at least `bytes` of memory, zeroed; the caller lays it out. */
export function startKernel<Exports>(kernel: CompiledKernel, bytes: number): StartedKernel<Exports> {
  const pages = Math.max(leastPages, Math.ceil(bytes / pageBytes))
  const memory = new port.Memory({ initial: pages, maximum: pages, shared: true })
  const { exports } = new port.Instance(kernel, { env: { memory } })
  return { exports: exports as Exports, memory: new Uint8Array(memory.buffer) }
}

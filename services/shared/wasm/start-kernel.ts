import { readFileSync } from 'node:fs'

/** A compiled kernel; it can be started any number of times. */
export type CompiledKernel = { readonly brand: 'CompiledKernel' }

/** A kernel at work with a memory of its own, of fixed size. */
export interface StartedKernel<Exports> {
  readonly exports: Exports
  /** The whole memory; addresses of the kernel's functions are places in it. */
  readonly memory: Uint8Array<SharedArrayBuffer>
}

/**
 * A kernel's memory, shared between threads; it can be posted to them. It grows and never shrinks, and whoever grows it owns
 * the pages that this adds.
 */
export interface KernelMemory {
  /** All bytes that it has now; another object after it has grown. */
  readonly buffer: SharedArrayBuffer
  /** Adds pages of 65,536 bytes; returns how many there were. Throws a RangeError beyond the maximum. */
  grow(pages: number): number
}

/** The part of WebAssembly that is used here: TypeScript knows it only as a part of the browser. */
interface WebAssemblyPort {
  readonly Module: new (bytes: Uint8Array) => CompiledKernel
  readonly Memory: new (size: { initial: number; maximum: number; shared: true }) => KernelMemory
  readonly Instance: new (module: CompiledKernel, imports: object) => { readonly exports: unknown }
}

const { WebAssembly: port } = globalThis as unknown as { readonly WebAssembly: WebAssemblyPort }

/** Bytes of a page of memory. */
export const pageBytes = 65_536
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

/** Kernels give addresses as i32; beyond this they would be negative. */
const mostPages = 2 ** 31 / pageBytes

/** A memory that begins with what every kernel asks for and grows up to `maxBytes`, at most 2 GiB. */
export function createKernelMemory(maxBytes: number): KernelMemory {
  const maximum = Math.min(mostPages, Math.max(leastPages, Math.ceil(maxBytes / pageBytes)))
  return new port.Memory({ initial: leastPages, maximum, shared: true })
}

/** Starts a kernel that lays out its memory itself; no other one may use that memory. */
export function startKernelIn<Exports>(kernel: CompiledKernel, memory: KernelMemory): Exports {
  return new port.Instance(kernel, { env: { memory } }).exports as Exports
}

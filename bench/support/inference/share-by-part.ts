/** The part of a profile of V8 that is read here (Profiler.Profile of the Chrome DevTools Protocol). */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[]
  /** Id of the node that ran at each sample. */
  readonly samples?: readonly number[]
}

interface ProfileNode {
  readonly id: number
  readonly callFrame: { readonly functionName: string; readonly url: string }
  readonly children?: readonly number[]
}

/** Parts of a call, in the order in which they are told of. */
export const parts = [
  'grpc-js',
  'HTTP/2, sockets and streams of Node',
  'promises, timers and signals of Node',
  'protobuf and its rules',
  'rpc layer',
  'batcher and handler',
  'telemetry',
  'worker messages',
  'the kernel, and native code of no caller',
  'garbage collection',
  'other',
] as const
export type Part = (typeof parts)[number]

// The first that fits. A frame without a file is native code, which belongs to the part that called it.
const places: readonly (readonly [RegExp, Part])[] = [
  [/@grpc\/grpc-js/, 'grpc-js'],
  [/@bufbuild|services\/gen\/|validate-message|limit-records/, 'protobuf and its rules'],
  [/shared\/telemetry|@opentelemetry|trace-calls|record-judging/, 'telemetry'],
  [/shared\/rpc\//, 'rpc layer'],
  [/shared\/onnx\/|internal\/worker|internal\/per_context\/messageport/, 'worker messages'],
  [/student-inference\/|shared\/(service|inspection|errors)\//, 'batcher and handler'],
  [
    /node:(internal\/http2|http2|net|internal\/stream|stream|_stream|events|internal\/js_stream|buffer|internal\/buffer|diag)/,
    'HTTP/2, sockets and streams of Node',
  ],
  [
    /node:(internal\/(timers|process|abort_controller|event_target|async_hooks|async_local|util|fixed_queue|linkedlist|priority_queue|promise)|timers|async_hooks)/,
    'promises, timers and signals of Node',
  ],
]

const native: Readonly<Record<string, Part | 'idle'>> = {
  '(idle)': 'idle',
  '(garbage collector)': 'garbage collection',
  '(program)': 'the kernel, and native code of no caller',
}

function partOf(frames: readonly ProfileNode['callFrame'][]): Part | 'idle' {
  const own = native[frames[0]?.functionName ?? '']
  if (own !== undefined) return own
  for (const { url } of frames) {
    const found = url === '' ? undefined : places.find(([pattern]) => pattern.test(url))
    if (found !== undefined) return found[1]
  }
  return 'other'
}

/**
 * Share of each part in the time that a thread was busy, 0..1: samples by the file of the function that ran, that of its nearest
 * caller where it has none.
 */
export function shareByPart(profile: CpuProfile): ReadonlyMap<Part, number> {
  const counts = new Map<Part, number>()
  let busy = 0
  for (const { frames, samples } of countSamples(profile)) {
    const part = partOf(frames)
    if (part === 'idle') continue
    busy += samples
    counts.set(part, (counts.get(part) ?? 0) + samples)
  }
  return new Map(parts.map((part) => [part, (counts.get(part) ?? 0) / busy]))
}

/** Samples of every node, with its frame and those of its callers, the nearest first. */
function countSamples({ nodes, samples = [] }: CpuProfile) {
  const byId = new Map(nodes.map((node) => [node.id, node]))
  const callers = new Map(nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node] as const)))
  const counts = new Map<number, number>()
  for (const id of samples) counts.set(id, (counts.get(id) ?? 0) + 1)
  return [...counts].map(([id, count]) => {
    const frames: ProfileNode['callFrame'][] = []
    for (let at = byId.get(id); at !== undefined; at = callers.get(at.id)) frames.push(at.callFrame)
    return { frames, samples: count }
  })
}

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PelletlineError } from '../../../services/shared/errors/pelletline-error.ts'
import { openPythonProcess } from '../python-process.ts'
import { type SimulatedStrip, stripWidth } from './simulate-strip.ts'

/** What is commonly built from OpenCV's parts, from the fastest to the one that tells touching pellets apart. */
export const opencvChains = ['threshold', 'canny', 'watershed'] as const
export type OpencvChain = (typeof opencvChains)[number]

/** What a chain is, step by step. */
export const chainTitles: Readonly<Record<OpencvChain, string>> = {
  threshold: 'OpenCV: blur, threshold, components',
  canny: 'OpenCV: blur, Canny, close, fill, components',
  watershed: 'OpenCV: threshold, distance, watershed',
}

/** A box in the strip: left, top, width, height, px. */
export type Box = readonly [number, number, number, number]

/** What one run of a chain gave: its time by Python's clock, and the components that are no dust. */
export interface ChainAnswer {
  readonly ms: number
  readonly boxes: readonly Box[]
}

export interface OpencvProcess {
  readonly version: string
  run(chain: OpencvChain, strip: string, repeats: number): Promise<ChainAnswer>
  close(): Promise<void>
}

export interface OpencvOptions {
  readonly strips: readonly SimulatedStrip[]
  readonly threshold: number
  readonly minAreaPx: number
  /** Distance from the outline at which a pellet's core begins, px: the marker of the watershed. */
  readonly coreRadiusPx: number
}

const title = 'OpenCV'

/** Starts Python with OpenCV on one thread and hands it the strips as raw files. Rejects with `internal`, quoting Python. */
export async function openOpencv(python: string, options: OpencvOptions): Promise<OpencvProcess> {
  const { strips, ...setup } = options
  const folder = await mkdtemp(join(tmpdir(), 'pelletline-strips-'))
  const child = openPythonProcess(python, join(import.meta.dirname, 'opencv_chains.py'), title)
  const close = async () => {
    child.close()
    await rm(folder, { recursive: true, force: true })
  }
  try {
    const files: Record<string, { path: string; width: number; rows: number }> = {}
    for (const { name, pixels, rows } of strips) {
      const path = join(folder, `${name}.raw`)
      await writeFile(path, pixels)
      files[name] = { path, width: stripWidth, rows }
    }
    const { version } = readGreeting(await child.ask({ ...setup, strips: files }))
    return {
      version,
      run: async (chain, strip, repeats) => readChainAnswer(await child.ask({ chain, strip, repeats })),
      close,
    }
  } catch (reason) {
    await close()
    throw reason
  }
}

/** OpenCV's version; throws `internal` unless it says that it keeps to one thread. */
export function readGreeting(answer: object): { readonly version: string } {
  const { version, threads } = answer as { version?: unknown; threads?: unknown }
  if (typeof version === 'string' && threads === 1) return { version }
  throw new PelletlineError(
    'internal',
    `${title} greets with ${JSON.stringify(answer)}; a version and 1 thread were expected.`,
  )
}

/** Time and boxes of a run; throws `internal` for anything else. */
export function readChainAnswer(answer: object): ChainAnswer {
  const { ms, boxes } = answer as { ms?: unknown; boxes?: unknown }
  if (typeof ms === 'number' && ms > 0 && Array.isArray(boxes) && boxes.every(isBox)) return { ms, boxes }
  throw new PelletlineError(
    'internal',
    `${title} answered ${JSON.stringify(answer).slice(0, 200)}; a time in ms and boxes of four numbers were expected.`,
  )
}

function isBox(box: unknown): box is Box {
  return Array.isArray(box) && box.length === 4 && box.every((value) => Number.isInteger(value))
}

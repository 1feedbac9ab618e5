import { readFileSync } from 'node:fs'

/** Flags of /proc/cpuinfo under which ONNX Runtime has kernels that multiply bytes and add them up in one instruction. */
const known = ['avx512_vnni', 'avx_vnni', 'asimddp', 'i8mm'] as const

/** Which of these a processor has, by the text of Linux's /proc/cpuinfo (its first processor counts), in a fixed order. */
export function integerInstructionsOf(cpuinfo: string): readonly string[] {
  const line = /^(?:flags|Features)\s*:(.*)$/m.exec(cpuinfo)?.[1] ?? ''
  const flags = new Set(line.split(/\s+/))
  return known.filter((name) => flags.has(name))
}

/**
 * The integer instructions of this machine's processor in words: `avx512_vnni avx_vnni`, `none`, or `unknown` where there is no
 * /proc/cpuinfo. An int8 model judges the same with and without them (decision 15); they decide how fast.
 */
export function describeIntegerInstructions(path = '/proc/cpuinfo'): string {
  let cpuinfo: string
  try {
    cpuinfo = readFileSync(path, 'utf8')
  } catch {
    return 'unknown'
  }
  return integerInstructionsOf(cpuinfo).join(' ') || 'none'
}

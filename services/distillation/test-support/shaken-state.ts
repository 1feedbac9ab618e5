import type { Network } from '../networks/network.ts'
import { initialState } from '../training/training-session.ts'

/**
 * A training state with running statistics, gains and shifts far from their start, as after a training; gains of both
 * signs. Same network, same numbers.
 */
export function shakenState(network: Network, seed: number): Map<string, Float32Array> {
  const state = initialState(network, seed)
  for (const [key, data] of state) {
    const value = shaken[/^value\/.*\.(\w+)$/.exec(key)?.[1] ?? '']
    if (value !== undefined) for (let i = 0; i < data.length; i++) data[i] = value(i)
  }
  return state
}

const shaken: Readonly<Record<string, (i: number) => number>> = {
  variance: (i) => 0.3 + ((i * 7) % 5),
  mean: (i) => ((i * 3) % 7) / 7 - 0.5,
  gain: (i) => (i % 3 === 0 ? -0.7 : 1.3),
  shift: (i) => ((i * 5) % 9) / 9 - 0.4,
}

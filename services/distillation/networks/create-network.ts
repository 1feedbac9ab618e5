import type { Network } from './network.ts'
import { resnet18Network } from './resnet18.ts'
import { studentNetwork } from './student.ts'

/** Networks that can be trained, by the name that the command line takes. */
export const networkNames = ['student', 'resnet18'] as const

export type NetworkName = (typeof networkNames)[number]

export interface NetworkOptions {
  readonly widths?: readonly [number, number, number, number] | undefined
  readonly dropout?: number | undefined
}

/** The network of that name; what is undefined stays at the network's own choice. */
export function createNetwork(name: NetworkName, { widths, dropout }: NetworkOptions = {}): Network {
  const options = { ...(widths === undefined ? {} : { widths }), ...(dropout === undefined ? {} : { dropout }) }
  switch (name) {
    case 'student':
      return studentNetwork(options)
    case 'resnet18':
      return resnet18Network(options)
    default:
      return name satisfies never
  }
}

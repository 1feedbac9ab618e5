import type { Network } from './network.ts'
import { resnet18Network } from './resnet18.ts'
import { type StudentBlock, studentNetwork } from './student.ts'
import { vggNetwork } from './vgg.ts'

/** Networks that can be trained, by the name that the command line takes. */
export const networkNames = ['student', 'resnet18', 'vgg16', 'vgg19'] as const

export type NetworkName = (typeof networkNames)[number]

/** The three that teach. */
export const teacherNames = ['vgg16', 'vgg19', 'resnet18'] as const satisfies readonly NetworkName[]

export interface NetworkOptions {
  readonly widths?: readonly [number, number, number, number] | undefined
  readonly dropout?: number | undefined
  /** The student's residual block; the other networks have their own. */
  readonly block?: StudentBlock | undefined
}

/** The network of that name; what is undefined stays at the network's own choice. */
export function createNetwork(name: NetworkName, { widths, dropout, block }: NetworkOptions = {}): Network {
  const options = { ...(widths === undefined ? {} : { widths }), ...(dropout === undefined ? {} : { dropout }) }
  switch (name) {
    case 'student':
      return studentNetwork(block === undefined ? options : { ...options, block })
    case 'resnet18':
      return resnet18Network(options)
    case 'vgg16':
    case 'vgg19':
      return vggNetwork(name, options)
    default:
      return name satisfies never
  }
}

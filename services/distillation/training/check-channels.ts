import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import type { Backend } from '../graph/graph.ts'
import type { Network } from '../networks/network.ts'

/** Refuses a network whose convolutions do not fill the blocks of the runtime's convolution: `invalid_argument` on `widths`. */
export function checkChannels({ name, layers }: Network, { blockSize }: Backend): void {
  for (const layer of layers) {
    if (layer.kind !== 'convolution' || layer.channels % blockSize === 0) continue
    const description = `layer ${layer.name} of ${name} has ${layer.channels} channels; on this machine multiples of ${blockSize} are valid`
    throw new PelletlineError('invalid_argument', `widths: ${description}`, {
      violations: [{ field: 'widths', description }],
    })
  }
}

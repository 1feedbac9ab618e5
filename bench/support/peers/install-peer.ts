import { installPython, type PythonInstallation } from '../python-environment.ts'
import type { PeerSystem } from './peer-systems.ts'

/** A peer in a virtual environment of its own below `.cache/peers`. Never throws: what stands in the way is named. */
export function installPeer({ name, title, version, requirements }: PeerSystem): Promise<PythonInstallation> {
  return installPython({
    folder: `peers/${name}-${version}`,
    title: `${title} ${version}`,
    async fill({ install, run }) {
      await install(...requirements)
      await run('import numpy, onnxruntime')
    },
  })
}

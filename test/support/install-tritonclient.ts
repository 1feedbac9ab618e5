import { installPython, type PythonInstallation } from '../../bench/support/python-environment.ts'

/**
 * Triton's own Python clients, with grpcio's compiler of proto files, in a virtual environment under `.cache/tritonclient`:
 * about 200 MB, once. Never throws: what stands in the way is named in `reason`.
 */
export function installTritonclient(): Promise<PythonInstallation> {
  return installPython({
    folder: 'tritonclient',
    title: 'tritonclient',
    async fill({ install, run }) {
      await install('--no-compile', 'tritonclient[grpc,http]==2.73.0', 'numpy', 'grpcio-tools==1.81.1')
      await run('import numpy, grpc_tools, tritonclient.grpc, tritonclient.http')
    },
  })
}

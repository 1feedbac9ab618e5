import { installPython, type PythonInstallation } from './python-environment.ts'

/** What PyTorch's Linux build asks for but needs only on a GPU, or to compile kernels: a third of the download. */
const unneeded = ['triton', 'cuda-bindings']

/**
 * PyTorch in a virtual environment of its own under `.cache/pytorch`. On Linux its usual build loads GPU libraries, used or
 * not: up to 2 GB to download and 4 GB on disk. Never throws: what stands in the way is named in `reason`.
 */
export function installPytorch(): Promise<PythonInstallation> {
  return installPython({
    folder: 'pytorch',
    title: 'PyTorch',
    async fill({ install, run }) {
      await install('--no-deps', 'torch')
      const requires = await run(
        'import importlib.metadata, json; print(json.dumps(importlib.metadata.requires("torch") or []))',
      )
      const needs = (JSON.parse(requires) as string[]).filter(
        (need) => !need.includes('extra ==') && !unneeded.some((name) => need.startsWith(name)),
      )
      await install(...needs)
      await run('import torch')
    },
  })
}

import { installPython, type PythonInstallation } from './python-environment.ts'

/**
 * OpenCV in a virtual environment of its own under `.cache/opencv`: the build without windows, about 250 MB on disk. Never
 * throws: what stands in the way is named in `reason`.
 */
export function installOpencv(): Promise<PythonInstallation> {
  return installPython({
    folder: 'opencv',
    title: 'OpenCV',
    async fill({ install, run }) {
      await install('opencv-python-headless')
      await run('import cv2')
    },
  })
}

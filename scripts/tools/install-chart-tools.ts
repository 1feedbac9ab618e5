// Builds or fetches what the tests of the chart run: node scripts/tools/install-chart-tools.ts
import process from 'node:process'
import { PelletlineError } from '../../services/shared/errors/pelletline-error.ts'
import { installHelm, installKubeconform, installKubernetesSchemas } from './chart-tools.ts'

try {
  for (const install of [installHelm, installKubeconform, installKubernetesSchemas]) await install()
} catch (reason) {
  process.stderr.write(`pelletline: ${PelletlineError.from(reason).message}\n`)
  process.exitCode = 1
}

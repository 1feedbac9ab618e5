import { globSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { installPython } from '../../bench/support/python-environment.ts'
import { PelletlineError } from '../../services/shared/errors/pelletline-error.ts'
import { installGoTool } from './install-go-tool.ts'
import { takeTurns } from './take-turns.ts'

const helmVersion = 'v4.3.1'
const schemasVersion = '1.37.0'

/** Path of Helm, which renders and checks the chart. */
export function installHelm(): Promise<string> {
  return installGoTool({
    name: 'helm',
    package: 'helm.sh/helm/v4/cmd/helm',
    version: helmVersion,
    takes: 'about four minutes',
    define: [`helm.sh/helm/v4/internal/version.version=${helmVersion}`],
  })
}

/** Path of kubeconform, which holds manifests against the schemas of a Kubernetes version. */
export function installKubeconform(): Promise<string> {
  return installGoTool({
    name: 'kubeconform',
    package: 'github.com/yannh/kubeconform/cmd/kubeconform',
    version: 'v0.8.0',
    takes: 'about half a minute',
  })
}

/**
 * Location of the JSON schemas of Kubernetes 1.25 to 1.37, as kubeconform's `-schema-location` takes it; they come from a
 * Python package and are read without a network. Throws `unavailable` where the package cannot be installed.
 */
export async function installKubernetesSchemas(): Promise<string> {
  const folder = join('tools', `kubernetes-validate-${schemasVersion}`)
  const cache = join(dirname(dirname(import.meta.dirname)), '.cache')
  const installed = await takeTurns(join(cache, `${folder}.lock`), () =>
    installPython({
      folder,
      title: 'the JSON schemas of Kubernetes',
      fill: ({ install }) => install('--no-deps', '--no-compile', `kubernetes-validate==${schemasVersion}`),
    }),
  )
  const [schemas] =
    'python' in installed
      ? globSync('lib*/python3*/site-packages/kubernetes_validate/kubernetes-json-schema', {
          cwd: dirname(dirname(installed.python)),
        })
      : []
  if ('reason' in installed || schemas === undefined) {
    const reason = 'reason' in installed ? installed.reason : `kubernetes-validate ${schemasVersion} holds no schemas`
    throw new PelletlineError('unavailable', `${reason}. Check Python and pip and run the command again.`)
  }
  const pattern = '{{.NormalizedKubernetesVersion}}-local{{.StrictSuffix}}/{{.ResourceKind}}{{.KindSuffix}}.json'
  return join(dirname(dirname(installed.python)), schemas, pattern)
}

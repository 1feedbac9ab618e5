import assert from 'node:assert/strict'
import { before, describe, it } from 'node:test'
import { livenessName } from '../../services/shared/rpc/health-service.ts'
import { type Manifest, nameOf, type PodSpec, podOf } from './support/manifest.ts'
import { examples, renderChart, templateChart } from './support/render-chart.ts'

const restrictedVolumes = new Set(['configMap', 'projected', 'emptyDir', 'persistentVolumeClaim'])

/** What the restricted pod security standard asks for, and a read-only root file system. */
function assertRestricted(name: string, pod: PodSpec) {
  assert.equal(pod.securityContext['runAsNonRoot'], true, name)
  assert.ok(Number(pod.securityContext['runAsUser']) > 0, name)
  assert.deepEqual(pod.securityContext['seccompProfile'], { type: 'RuntimeDefault' }, name)
  assert.deepEqual([pod.hostNetwork, pod.hostPID, pod.hostIPC], [undefined, undefined, undefined], name)
  for (const { name: _, ...source } of pod.volumes) {
    for (const kind of Object.keys(source)) assert.ok(restrictedVolumes.has(kind), `${name}: volume of kind ${kind}`)
  }
  for (const container of pod.containers) {
    assert.deepEqual(
      container.securityContext,
      { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
      name,
    )
    for (const { hostPort } of container.ports ?? []) assert.equal(hostPort, undefined, name)
  }
}

for (const { name: example, values } of examples) {
  describe(`pods, ${example}`, () => {
    let manifests: readonly Manifest[] = []
    let pods: readonly (readonly [name: string, pod: PodSpec])[] = []
    before(async () => {
      manifests = await renderChart(values)
      pods = manifests.flatMap((manifest) => {
        const pod = podOf(manifest)
        return pod === undefined ? [] : [[nameOf(manifest), pod] as const]
      })
    })

    it('keep the restricted security standard, and write nowhere but to /tmp', () => {
      assert.ok(pods.length >= 5)
      for (const [name, pod] of pods) {
        assertRestricted(name, pod)
        const writable = pod.containers
          .flatMap(({ volumeMounts }) => volumeMounts)
          .filter(({ readOnly }) => readOnly !== true)
        assert.deepEqual(
          writable.map(({ mountPath }) => mountPath),
          ['/tmp'],
          name,
        )
      }
    })

    it('have an image with an exact tag', () => {
      for (const [name, pod] of pods) {
        for (const { image } of pod.containers) {
          assert.match(image, /^[^\s:@]+(:\d+)?[^\s:@]*:[\w][\w.-]*(@sha256:[0-9a-f]{64})?$/, name)
          assert.doesNotMatch(image, /:latest\b/, name)
        }
      }
    })

    it('get no token of the cluster, under an account of their own', () => {
      const accounts = manifests.filter(({ kind }) => kind === 'ServiceAccount')
      const known = new Map(accounts.map((account) => [account.metadata.name, account]))
      for (const [name, pod] of pods) {
        assert.equal(pod.automountServiceAccountToken, false, name)
        if (name.startsWith('Pod/')) continue
        const account = known.get(pod.serviceAccountName ?? '') ?? assert.fail(`${name} has no account`)
        assert.equal(account.automountServiceAccountToken, false, name)
        assert.equal(`${name.split('/')[0]}/${account.metadata.name}`, name)
      }
    })

    it('are told alive apart from ready', () => {
      for (const [name, pod] of pods) {
        if (!name.startsWith('Deployment/') || name.includes('line-simulator')) continue
        const [container] = pod.containers
        assert.equal(container?.livenessProbe?.grpc.service, livenessName, name)
        assert.equal(container?.startupProbe?.grpc.service, livenessName, name)
        assert.equal(container?.readinessProbe?.grpc.service, undefined, name)
      }
    })

    it('have a limit of memory', () => {
      for (const [name, pod] of pods) {
        for (const { resources } of pod.containers)
          assert.match(resources?.limits?.['memory'] ?? '', /^\d+[MG]i$/, name)
      }
    })

    it('are found by Service, disruption budget and network policy of their component, and by no other', () => {
      const deployments = manifests.filter(({ kind }) => kind === 'Deployment')
      const matches = (selector: Readonly<Record<string, string>>) =>
        deployments
          .filter(({ spec }) =>
            Object.entries(selector).every(([key, value]) => spec?.template?.metadata.labels?.[key] === value),
          )
          .map(({ metadata }) => metadata.name)
      let looked = 0
      for (const { kind, metadata, spec } of manifests) {
        const selector = kind === 'NetworkPolicy' ? spec?.podSelector : spec?.selector
        if (selector === undefined || kind === 'Job') continue
        looked += 1
        const labels = 'matchLabels' in selector ? selector.matchLabels : selector
        assert.deepEqual(
          matches(labels as Readonly<Record<string, string>>),
          [metadata.name],
          `${kind}/${metadata.name}`,
        )
      }
      assert.ok(looked >= 15)
    })

    it('carry the recommended labels, and so does every object', () => {
      for (const manifest of manifests) {
        for (const label of ['name', 'instance', 'version', 'component', 'part-of', 'managed-by']) {
          const value = manifest.metadata.labels?.[`app.kubernetes.io/${label}`]
          assert.match(value ?? '', /^[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/, `${nameOf(manifest)}: ${label}`)
        }
      }
    })

    it('no two objects share a name, and every name is one of DNS', () => {
      const names = manifests.map(nameOf)
      assert.deepEqual(names, [...new Set(names)])
      for (const name of names) assert.match(name, /^[A-Za-z]+\/[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/)
    })

    it('read their secrets from Secrets: no configuration holds one', () => {
      for (const manifest of manifests) {
        assert.notEqual(manifest.kind, 'Secret')
        if (manifest.kind !== 'ConfigMap') continue
        const text = Object.values(manifest.data ?? {}).join('\n')
        for (const [line] of text.matchAll(/^.*(password|secret|token|credential).*$/gim)) {
          assert.match(
            line,
            /^\s*(passwordFile|secretAccessKeyFile|caFile): \/etc\/pelletline\/secrets\/[a-z.-]+$/,
            nameOf(manifest),
          )
        }
        assert.doesNotMatch(text, /-----BEGIN/)
      }
    })
  })
}

describe('a change of configuration', () => {
  const checksums = async (values: object) =>
    new Map(
      (await renderChart({ ...values }))
        .filter(({ kind }) => kind === 'Deployment')
        .map(({ metadata, spec }) => [metadata.name, spec?.template?.metadata.annotations?.['checksum/config']]),
    )

  it('rolls the pods that it concerns, and no others', async () => {
    const before = await checksums({})
    const changed = await checksums({ analytics: { config: { analytics: { maxLines: 9 } } } })
    for (const [name, checksum] of before) {
      assert.match(checksum ?? '', /^[0-9a-f]{64}$/)
      const same = changed.get(name) === checksum
      assert.equal(same, name !== 'pelletline-analytics', name)
    }
  })

  it('two renderings are the same to the byte', async () => {
    const [first, second] = [await templateChart({}), await templateChart({})]
    assert.equal(first.stdout, second.stdout)
    assert.notEqual(first.stdout, '')
  })
})

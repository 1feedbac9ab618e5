// Brings a clone to a runnable state. Idempotent: a second call compares one stamp and returns.
// Started by whatever Node the machine has (20 or newer), so plain JavaScript without dependencies.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))
const stampFile = join(root, 'node_modules', '.pelletline-setup')

/** Path of the Node 24 executable that npm installed; undefined where it is not installed. */
export function findPinnedNode() {
  const platform = `${process.platform}-${process.arch}`
  const candidates = [
    join(root, 'node_modules', `node-${platform}`, 'bin', 'node'),
    join(root, 'node_modules', 'node', 'bin', 'node'),
  ]
  for (const candidate of candidates) {
    if (existsSync(candidate)) return candidate
  }
  return Number(process.versions.node.split('.')[0]) >= 24 ? process.execPath : undefined
}

function fingerprint() {
  const lockfile = readFileSync(join(root, 'package-lock.json'))
  return createHash('sha256').update(lockfile).update(`${process.platform}-${process.arch}`).digest('hex')
}

function installPackages() {
  process.stderr.write('pelletline: installing packages (about a minute, once)\n')
  const npm = process.env.npm_execpath?.endsWith('.js')
    ? [process.execPath, process.env.npm_execpath]
    : [process.platform === 'win32' ? 'npm.cmd' : 'npm']
  const result = spawnSync(npm[0], [...npm.slice(1), 'ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' },
  })
  if (result.status !== 0) {
    process.stderr.write(
      `pelletline: npm ci failed (exit ${result.status ?? result.error?.message}). ` +
        'Check that the npm registry is reachable, then run `npm run setup` again.\n',
    )
    process.exit(1)
  }
}

/** npx finds a project's own command only in node_modules/.bin, which npm does not fill for the root package. */
function linkCommand() {
  const link = join(root, 'node_modules', '.bin', 'pelletline')
  rmSync(link, { force: true })
  mkdirSync(dirname(link), { recursive: true })
  symlinkSync(join('..', '..', 'bin', 'pelletline.mjs'), link)
}

/** Installs what the lockfile names where it is not installed yet, and returns the path of Node 24. */
export function setup() {
  const wanted = fingerprint()
  const present = existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wanted
  if (!present) {
    installPackages()
    linkCommand()
  }
  const node = findPinnedNode()
  if (node === undefined) {
    process.stderr.write(
      `pelletline: no Node 24 for ${process.platform}-${process.arch} among the npm packages. ` +
        'Install Node 24 on the machine and run the command again.\n',
    )
    process.exit(1)
  }
  if (!present) writeFileSync(stampFile, wanted)
  return node
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) setup()

// Draws the pictures of the README: a simulated belt, inspected by the released student as any image is.
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { runCli } from '../services/cli/run-cli.ts'
import { createLineRenderer, resolveLineSettings } from '../services/line-simulator/index.ts'
import { encodeGrayPng } from '../services/shared/images/encode-gray-png.ts'

const width = 900
const rows = 460
const pictures = join(import.meta.dirname, '../docs/pictures')

// A tenth of the pellets NG: the picture is to show what a speck looks like, not what a plant makes.
const settings = resolveLineSettings({ width, pelletsPerMpx: 190, specks: { prevalence: 0.1 } })
const renderer = createLineRenderer({ settings, seed: 23 })
const pixels = new Uint8Array(width * rows)
renderer.render(0, rows, pixels)

const folder = await mkdtemp(join(tmpdir(), 'pelletline-pictures-'))
try {
  const image = join(folder, 'belt.png')
  await writeFile(image, await encodeGrayPng(pixels, width, rows))
  const umPerPx = `${settings.umPerPxAcross},${settings.umPerPxAlong}`
  process.exitCode = await runCli({
    args: ['inspect', image, '--out', folder, '--um-per-px', umPerPx],
    stdout: process.stdout,
    stderr: process.stderr,
  })
  await copyFile(join(folder, 'belt.annotated.png'), join(pictures, 'annotated-strip.png'))
  await copyFile(join(folder, 'belt.worst.png'), join(pictures, 'worst-pellets.png'))
} finally {
  await rm(folder, { recursive: true, force: true })
}

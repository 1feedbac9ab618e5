import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { readImageFolder, readLabelledFolder } from './read-image-folder.ts'
import { colourPng } from './test-support/colour-png.ts'
import { grayPng } from './test-support/gray-png.ts'

const folders: string[] = []
after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))))

/** A folder of gray PNGs by path: { 'OK/a.png': [gray, side] }. */
async function folderOf(files: Readonly<Record<string, readonly [gray: number, side: number] | string>>) {
  const folder = await mkdtemp(join(tmpdir(), 'pelletline-folder-'))
  folders.push(folder)
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name)
    await mkdir(join(path, '..'), { recursive: true })
    await writeFile(path, typeof content === 'string' ? content : await grayPng(content[1], content[1], content[0]))
  }
  return folder
}

/** Uniform numbers that repeat with the seed. */
function uniform(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 48271) % 2147483647
    return state / 2147483647
  }
}

test('labelled folder is read in the order of its names, OK before NG', async () => {
  const folder = await folderOf({
    'OK/b.png': [20, 50],
    'OK/a.png': [10, 50],
    'NG/c.png': [30, 50],
    'NG/notes.txt': 'x',
  })
  const { crops, skipped } = await readLabelledFolder(folder)
  assert.deepEqual([...crops.labels], [0, 0, 1])
  assert.deepEqual(
    [0, 1, 2].map((i) => crops.pixels[i * 2500]),
    [10, 20, 30],
  )
  assert.deepEqual(skipped, [])
  assert.ok([...crops.speckPx].every(Number.isNaN))
  assert.deepEqual([...crops.group], [-1, -1, -1])
})

test('smaller image is centred on black, or left out where other sizes are refused', async () => {
  const folder = await folderOf({ 'OK/a.png': [10, 50], 'NG/small.png': [90, 20], 'NG/b.png': [30, 50] })
  const { crops } = await readLabelledFolder(folder)
  const small = crops.pixels.subarray(2 * 2500, 3 * 2500)
  assert.equal(
    small.reduce((sum, value) => sum + value, 0),
    90 * 400,
  )
  assert.deepEqual([small[14 * 50 + 14], small[15 * 50 + 15], small[34 * 50 + 34], small[35 * 50 + 35]], [0, 90, 90, 0])
  const refused = await readLabelledFolder(folder, { otherSizes: 'refuse' })
  assert.equal(refused.crops.count, 2)
  assert.match(refused.skipped[0]!.reason, /small\.png is 20x20, not 50x50/)
})

test('images that cannot be used are named and skipped, or refused in strict reading', async () => {
  const folder = await folderOf({
    'OK/a.png': [10, 50],
    'OK/broken.png': 'not an image',
    'NG/b.png': [30, 50],
    'NG/large.png': [30, 80],
  })
  const { crops, skipped } = await readLabelledFolder(folder)
  assert.equal(crops.count, 2)
  assert.deepEqual(skipped.map(({ path }) => path).sort(), [
    join(folder, 'NG/large.png'),
    join(folder, 'OK/broken.png'),
  ])
  assert.match(skipped.map(({ reason }) => reason).join(), /broken\.png cannot be decoded as an image/)
  await assert.rejects(readLabelledFolder(folder, { strict: true }), { code: 'invalid_argument' })
})

test('folder without a class, and one without a usable image, are refused with the next step', async () => {
  await assert.rejects(readLabelledFolder(await folderOf({ 'OK/a.png': [1, 50] })), {
    code: 'not_found',
    message: /has no folder NG: put good pellets into OK\/ and bad ones into NG\//,
  })
  await assert.rejects(readLabelledFolder(await folderOf({ 'OK/a.png': 'x', 'NG/b.png': 'y' })), {
    code: 'invalid_argument',
    message: /no usable image \(2 found; the first: .*OK.a\.png.*\): put crops into OK/,
  })
  await assert.rejects(readLabelledFolder('/nowhere'), {
    code: 'not_found',
    message: /\/nowhere cannot be listed \(ENOENT\): check the path/,
  })
})

test('flat folder is split 7:2:1 in each class, the same for the same seed', async () => {
  const names = Array.from({ length: 40 }, (_, i) => `${i % 2 === 0 ? 'OK' : 'NG'}/${i}.png`)
  const folder = await folderOf(Object.fromEntries(names.map((name, i) => [name, [i + 1, 50] as const])))
  const { crops } = await readImageFolder(folder, uniform(7))
  for (const [part, each] of [
    ['train', 14],
    ['val', 4],
    ['test', 2],
  ] as const) {
    assert.equal(crops[part].count, 2 * each)
    assert.equal(
      crops[part].labels.reduce((sum, label) => sum + label, 0),
      each,
    )
  }
  const grays = (part: 'train' | 'val' | 'test', from = crops) =>
    Array.from({ length: from[part].count }, (_, i) => from[part].pixels[i * 2500]!)
  assert.equal(new Set([...grays('train'), ...grays('val'), ...grays('test')]).size, 40)
  const again = await readImageFolder(folder, uniform(7))
  assert.deepEqual(grays('test', again.crops), grays('test'))
  const other = await readImageFolder(folder, uniform(8))
  assert.notDeepEqual(grays('train', other.crops), grays('train'))
})

test('groups named by the pattern stay in one part', async () => {
  const files: Record<string, readonly [number, number]> = {}
  for (let i = 0; i < 60; i++) files[`${i % 2 === 0 ? 'OK' : 'NG'}/p${Math.floor(i / 4)}-${i}.png`] = [i + 1, 50]
  const { crops } = await readImageFolder(await folderOf(files), uniform(3), { group: /^(p\d+)-/ })
  const groupsOf = (part: 'train' | 'val' | 'test') => [...new Set(crops[part].group)]
  const all = (['train', 'val', 'test'] as const).flatMap(groupsOf)
  assert.equal(all.length, 15)
  assert.equal(new Set(all).size, 15)
  assert.ok(crops.train.count >= 36 && crops.val.count >= 8 && crops.test.count >= 4)
})

test('split folder is respected, and refused where a group is in two of its parts', async () => {
  const parts: Record<string, readonly [number, number]> = {}
  for (const [i, part] of ['train', 'val', 'test'].entries()) {
    parts[`${part}/OK/g${i}-a.png`] = [10 + i, 50]
    parts[`${part}/NG/g${i}-b.png`] = [20 + i, 50]
  }
  const folder = await folderOf(parts)
  const { crops } = await readImageFolder(folder, uniform(1), { group: /^(g\d)/ })
  assert.deepEqual(
    [crops.train, crops.val, crops.test].map(({ pixels }) => pixels[0]),
    [10, 11, 12],
  )
  const leaky = await folderOf({ ...parts, 'test/NG/g0-c.png': [5, 50] })
  await assert.rejects(readImageFolder(leaky, uniform(1), { group: /^(g\d)/ }), {
    code: 'invalid_argument',
    message: /group g0 is in train and in test/,
  })
})

test('how many images were padded is part of the result', async () => {
  const folder = await folderOf({
    'OK/a.png': [10, 50],
    'OK/b.png': [10, 49],
    'NG/c.png': [10, 9],
    'NG/d.png': [10, 60],
  })
  const { crops, padded, skipped } = await readLabelledFolder(folder)
  assert.deepEqual([crops.count, padded, skipped.length], [3, 2, 1])
  assert.equal((await readLabelledFolder(folder, { otherSizes: 'refuse' })).padded, 0)
})

test('images of other kinds are named as left out, hidden files are not', async () => {
  const files = {
    'OK/a.png': [1, 50],
    'NG/b.png': [2, 50],
    'NG/c.bmp': 'BM',
    'NG/._b.png': 'x',
    'NG/Thumbs.db': 'x',
  } as const
  const { crops, skipped } = await readLabelledFolder(await folderOf(files))
  assert.equal(crops.count, 2)
  assert.deepEqual(
    skipped.map(({ reason }) => /c\.bmp is no PNG, JPEG, TIFF or WebP: convert it/.test(reason)),
    [true],
  )
})

test('class without an image, or without a usable one, is refused by name, as is a missing part of a split', async () => {
  const random = uniform(1)
  const refused = async (files: Parameters<typeof folderOf>[0], message: RegExp) =>
    assert.rejects(readImageFolder(await folderOf(files), random), { name: 'PelletlineError', message })
  await refused({ 'OK/a.png': [1, 50], 'NG/notes.txt': 'x' }, /NG holds no image: put NG crops into it/)
  await refused(
    { 'OK/a.bmp': 'BM', 'NG/b.png': [1, 50] },
    /OK holds no PNG, .* convert those that it has, like .*a\.bmp/,
  )
  await refused(
    { 'OK/a.png': [1, 50], 'NG/b.png': 'x', 'NG/c.png': 'y' },
    /NG holds no usable image \(2 found; the first: .*b\.png cannot be decoded/,
  )
  const train = { 'train/OK/a.png': [1, 50], 'train/NG/b.png': [1, 50] } as const
  await refused({ ...train, 'test/OK/a.png': [1, 50] }, /has train\/ and test\/ but no val\//)
  await refused(
    { ...train, 'val/OK/a.png': [1, 50], 'test/OK/a.png': [1, 50] },
    /val has no folder NG: .* \(it has: OK\)/,
  )
  const whole = { ...train, 'val/OK/a.png': [1, 50], 'test/OK/a.png': [1, 50], 'OK/a.png': [1, 50] } as const
  await refused(whole, /has train\/, val\/ and test\/, and OK\/ beside them/)
})

test('images of 16 bits, in colour or with transparent pixels become gray on black', async () => {
  const folder = await folderOf({ 'OK/a.png': [10, 50] })
  await mkdir(join(folder, 'NG'))
  await writeFile(join(folder, 'NG/1-wide.png'), colourPng(16, [0x8040, 0x8040, 0x8040]))
  await writeFile(join(folder, 'NG/2-red.png'), colourPng(8, [255, 0, 0]))
  await writeFile(join(folder, 'NG/3-clear.png'), colourPng(8, [255, 255, 255, 0]))
  const { crops, skipped } = await readLabelledFolder(folder)
  assert.deepEqual(skipped, [])
  assert.deepEqual(
    [1, 2, 3].map((i) => crops.pixels[i * 2500 + 1275]),
    [128, 127, 0],
  )
})

test('reading stops on abort', async () => {
  const folder = await folderOf({ 'OK/a.png': [10, 50], 'NG/b.png': [30, 50] })
  await assert.rejects(readLabelledFolder(folder, { signal: AbortSignal.abort() }), { name: 'AbortError' })
})

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PelletlineError } from '../errors/pelletline-error.ts'
import { classNames, splitNames } from './crop-dataset.ts'
import { type ImageFile, listFolder } from './list-image-files.ts'
import { parseTable, type Table } from './parse-table.ts'

export interface NameGroupsOptions {
  /** Pattern on the file name: its first capture, or all that it matches where it has none, names the group. */
  readonly group?: RegExp
  /** Column that names the group, of a table (.csv, .tsv) in the folder; a column `group` is taken without being asked for. */
  readonly groupColumn?: string
  /** Refuse images without a group where groups are known, instead of naming them. */
  readonly strict?: boolean
}

/** Which images belong together (patient, lot, scan), so that a split keeps them in one part. */
export interface ImageGroups {
  /** What names them: `column "patient" of manifest.tsv`; undefined where nothing does. */
  readonly by: string | undefined
  /** Names of the groups by their index. */
  readonly names: readonly string[]
  /** Index of the group by image; -1 where it has none and counts as a group of its own. */
  readonly indices: Int32Array
  /** Paths of the images without a group; empty where nothing names groups. */
  readonly ungrouped: readonly string[]
}

/**
 * Names the group of every image: by the pattern; else by the column of the tables in the folder; else by the sub-folders
 * of OK/ and NG/ (`OK/lot-7/a.png` and `NG/lot-7/b.png` are of one group). A table names an image, in whichever column, by
 * its path below the folder, a longer path that ends so, or the end of its path, with or without extension; cells of the
 * columns `split` and `label` tell images of one name apart. `invalid_argument` where the pattern fits no name, no table
 * has the column (with the columns there are) or names an image, two rows contradict, or, with `strict`, an image has no
 * group.
 */
export async function nameGroups(
  folder: string,
  files: readonly ImageFile[],
  options: NameGroupsOptions,
): Promise<ImageGroups> {
  if (options.group !== undefined && options.groupColumn !== undefined) {
    throw new PelletlineError(
      'invalid_argument',
      `${folder}: groups are asked for by a file-name pattern and by the column "${options.groupColumn}": give one of them`,
    )
  }
  if (options.group !== undefined) return collect(folder, files, options, byPattern(folder, files, options.group))
  const byTable = await findColumn(folder, files, options.groupColumn)
  if (byTable !== undefined) return collect(folder, files, options, byTable)
  if (files.some(({ subFolder }) => subFolder !== undefined)) {
    const keys = files.map(({ subFolder }) => subFolder)
    return collect(folder, files, options, { by: 'sub-folder of OK/ and NG/', keys })
  }
  return { by: undefined, names: [], indices: new Int32Array(files.length).fill(-1), ungrouped: [] }
}

interface Keys {
  readonly by: string
  /** Name of the group by image. */
  readonly keys: readonly (string | undefined)[]
}

function collect(folder: string, files: readonly ImageFile[], { strict }: NameGroupsOptions, { by, keys }: Keys) {
  const known = new Map<string, number>()
  const indices = Int32Array.from(keys, (key) => {
    if (key === undefined) return -1
    if (!known.has(key)) known.set(key, known.size)
    return known.get(key)!
  })
  const ungrouped = files.filter((_, i) => indices[i]! < 0).map(({ path }) => path)
  if (strict && ungrouped.length > 0) {
    throw new PelletlineError(
      'invalid_argument',
      `${folder}: ${ungrouped.length} of ${files.length} images have no group by ${by} (the first: ${ungrouped[0]}): name it, or read without --strict, where each counts as a group of its own`,
    )
  }
  return { by, names: [...known.keys()], indices, ungrouped }
}

function byPattern(folder: string, files: readonly ImageFile[], group: RegExp): Keys {
  // With g or y a pattern goes on where its last match ended.
  const pattern = new RegExp(group.source, group.flags.replace(/[gy]/g, ''))
  const keys = files.map(({ name }) => {
    const match = pattern.exec(name)
    return (match !== null && match.length > 1 ? match[1] : match?.[0]) || undefined
  })
  if (files.length > 0 && keys.every((key) => key === undefined)) {
    throw new PelletlineError(
      'invalid_argument',
      `${folder}: the pattern ${pattern} names a group in none of the ${files.length} file names (the first: ${files[0]!.name}): give one whose first capture is the group`,
    )
  }
  return { by: `pattern ${pattern} on the file name`, keys }
}

async function findColumn(
  folder: string,
  files: readonly ImageFile[],
  asked: string | undefined,
): Promise<Keys | undefined> {
  const names = (await listFolder(folder)).filter((name) => /^[^.].*\.[ct]sv$/i.test(name)).sort()
  if (asked !== undefined && names.length === 0) {
    throw new PelletlineError(
      'invalid_argument',
      `${folder} holds no table (.csv or .tsv) with a column "${asked}": add one that has the images' file names beside it`,
    )
  }
  const wanted = asked ?? 'group'
  const tables: Table[] = []
  for (const name of names) tables.push(await readTable(folder, name, wanted))
  const having = tables.filter(({ columns }) => columnAt(columns, wanted) >= 0)
  if (having.length === 0) {
    if (asked === undefined) return undefined
    const there = tables.map(({ name, columns }) => `${name} has ${columns.join(', ')}`).join('; ')
    throw new PelletlineError('invalid_argument', `${folder}: no table has a column "${asked}" (${there})`)
  }
  const keys = lookUp(folder, having, wanted, files)
  if (files.length > 0 && keys.every((key) => key === undefined)) {
    throw new PelletlineError(
      'invalid_argument',
      `${folder}: no row of ${having.map(({ name }) => name).join(', ')} names an image of the folder and its ${wanted} ` +
        `(the first image: ${files[0]!.place}): give the images' file names or paths in a column, or groups by a file-name pattern`,
    )
  }
  return { by: `column "${wanted}" of ${having.map(({ name }) => name).join(', ')}`, keys }
}

/** The whole table where it has the column, else its header alone: faults of a table that lies there by chance do not matter. */
async function readTable(folder: string, name: string, wanted: string): Promise<Table> {
  const text = await readFile(join(folder, name), 'utf8').catch((cause) => {
    throw new PelletlineError(
      'invalid_argument',
      `${join(folder, name)} cannot be read as a table: move it away, or see who may read it`,
      { cause },
    )
  })
  const header = parseTable(name, /^[^\r\n]*/.exec(text)![0])
  return columnAt(header.columns, wanted) < 0 ? header : parseTable(name, text)
}

function columnAt(columns: readonly string[], wanted: string): number {
  const exact = columns.indexOf(wanted)
  return exact >= 0 ? exact : columns.findIndex((column) => column.toLowerCase() === wanted.toLowerCase())
}

interface Mention {
  readonly table: string
  readonly line: number
  readonly path: readonly string[]
  readonly group: string
  readonly split: string | undefined
  readonly label: string | undefined
}

function lookUp(folder: string, tables: readonly Table[], wanted: string, files: readonly ImageFile[]) {
  const byName = Map.groupBy(
    tables.flatMap((table) => mentionsOf(table, wanted, files)),
    ({ path }) => path.at(-1)!,
  )
  return files.map((file) => {
    const place = file.place.split('/')
    const stem = [...place.slice(0, -1), withoutExtension(file.name)]
    const fitting = [
      ...(byName.get(file.name) ?? []).filter(({ path }) => endsAlike(path, place)),
      ...(byName.get(stem.at(-1)!) ?? []).filter(({ path }) => endsAlike(path, stem)),
    ].filter(
      ({ split, label }) =>
        (split === undefined || file.split === undefined || split === file.split) &&
        (label === undefined || label === classNames[file.label]),
    )
    const longest = fitting.reduce((most, { path }) => Math.max(most, Math.min(path.length, place.length)), 0)
    const named = fitting.filter(({ path, group }) => Math.min(path.length, place.length) === longest && group !== '')
    const other = named.find(({ group }) => group !== named[0]!.group)
    if (other !== undefined) {
      const [first] = named as [Mention, ...Mention[]]
      throw new PelletlineError(
        'invalid_argument',
        `${folder}: ${file.place} is of ${wanted} ${first.group} by line ${first.line} of ${first.table} and of ${other.group} by line ${other.line} of ${other.table}: ` +
          'keep one of them, or name the images by their paths below the folder',
      )
    }
    return named[0]?.group
  })
}

/** Rows of a table by the column that names most images; split and label where their cells are the folder's own names. */
function mentionsOf({ name, columns, rows }: Table, wanted: string, files: readonly ImageFile[]): Mention[] {
  const groupAt = columnAt(columns, wanted)
  const names = new Set(files.flatMap((file) => [file.name, withoutExtension(file.name)]))
  const pathOf = (cell: string | undefined) => (cell ?? '').split(/[/\\]/).filter((part) => part !== '' && part !== '.')
  const hits = columns.map((_, at) =>
    at === groupAt ? -1 : rows.filter(({ cells }) => names.has(pathOf(cells[at]).at(-1) ?? '')).length,
  )
  const imageAt = hits.indexOf(Math.max(...hits))
  const known = (column: string, values: readonly string[], cells: readonly string[]) => {
    const cell = cells[columnAt(columns, column)]
    return cell !== undefined && values.includes(cell) ? cell : undefined
  }
  return rows.flatMap(({ line, cells }) => {
    const path = pathOf(cells[imageAt])
    if (path.length === 0) return []
    const group = cells[groupAt] ?? ''
    const split = known('split', splitNames, cells)
    return [{ table: name, line, path, group, split, label: known('label', classNames, cells) }]
  })
}

/** Whether one path is the end of the other. */
function endsAlike(a: readonly string[], b: readonly string[]): boolean {
  const [short, long] = a.length <= b.length ? [a, b] : [b, a]
  return short.every((part, i) => part === long[long.length - short.length + i])
}

function withoutExtension(name: string): string {
  return name.replace(/\.[a-z0-9]+$/i, '')
}

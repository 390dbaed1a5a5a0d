import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Writes the recipes of docs/recipes.md, each a file, into a folder of their own inside of the package, so that they find it by its
 * name.
 *
 * @returns The path of that folder
 */
export function writeRecipes (test: string): string {
  const folder = join(process.cwd(), 'build', 'recipes', test)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const recipes = readFileSync('docs/recipes.md', 'utf8').matchAll(/^<!-- recipe: (\S+) -->\n```js\n([\s\S]*?)^```$/gm)
  for (const [, name, code] of recipes) writeFileSync(join(folder, name as string), code as string)
  return folder
}

/** The messages in a log file, in their order. */
export function messagesIn (file: string): string[] {
  return readFileSync(file, 'utf8').trimEnd().split('\n').map(line => (JSON.parse(line) as { msg: string }).msg)
}

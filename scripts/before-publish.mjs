// npm runs this before it publishes the package. Its page leads from the README to docs/ only by the address of the repository.
import { readFileSync } from 'node:fs'

const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
const missing = ['repository', 'homepage'].filter(key => manifest[key] === undefined)
if (missing.length > 0) {
  console.error(`package.json has no ${missing.join(' and no ')}. Links from the README to docs/ need the repository: see "Publishing" in CONTRIBUTING.md`)
  process.exitCode = 1
}

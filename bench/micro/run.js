// Measures single parts, for work on them: `npm run bench:micro -- router`.
import { readdirSync } from 'node:fs'
import { Bench } from 'tinybench'

const names = readdirSync(new URL('.', import.meta.url)).filter(file => file.endsWith('.bench.js')).map(file => file.replace('.bench.js', ''))
const wanted = process.argv.slice(2)
for (const name of names.filter(name => wanted.length === 0 || wanted.includes(name))) {
  const bench = new Bench({ name, time: 1000, warmupTime: 300 })
  const { default: addTasks } = await import(new URL(`${name}.bench.js`, import.meta.url).href)
  await addTasks(bench)
  await bench.run()
  console.log(`\n${name}`)
  console.table(bench.table())
}
// Timers of a part that was measured may be running still.
process.exit()

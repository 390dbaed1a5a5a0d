// Asks a monitor for its metrics, so many times a second: node scrapes.js <address> <requests per second>
import { Agent, get } from 'node:http'
import { performance } from 'node:perf_hooks'

const TURN_MS = 5

const [address, perSecond] = process.argv.slice(2)
const agent = new Agent({ keepAlive: true, maxSockets: 4 })
// The first answer takes longer: it loads prom-client.
await ask()
process.send('ready')
const startedAt = performance.now()
let asked = 0
setInterval(() => {
  for (const due = (performance.now() - startedAt) / 1000 * Number(perSecond); asked < due; asked++) ask()
}, Math.max(TURN_MS, 1000 / Number(perSecond) / 10))
process.on('disconnect', () => process.exit())

function ask () {
  return new Promise(resolve => {
    const request = get(`${address}/metrics`, { agent }, response => {
      response.resume()
      response.on('end', resolve)
    })
    // At its end the app closes all connections.
    request.on('error', resolve)
  })
}

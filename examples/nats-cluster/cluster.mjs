// Three NATS servers with JetStream on loopback, in the folder `nodes`. A node that dies is started again after two seconds.
import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const RESTART_MS = 2000
/** The ports for clients. A node has its port for the other nodes 2,000 above. */
const ports = (process.env.NATS_PORTS ?? '4222,4223,4224').split(',').map(Number)
const nodes = ports.map((port, index) => ({ name: `n${index + 1}`, port, folder: join('nodes', `n${index + 1}`) }))
const routes = ports.map(port => `nats://127.0.0.1:${port + 2000}`)
let isEnding = false

for (const node of nodes) {
  mkdirSync(node.folder, { recursive: true })
  writeFileSync(join(node.folder, 'nats.conf'), `
    server_name: ${node.name}
    listen: 127.0.0.1:${node.port}
    log_file: "${join(node.folder, 'nats.log')}"
    jetstream: { store_dir: "${node.folder}" }
    cluster: { name: logs, listen: 127.0.0.1:${node.port + 2000}, routes: [${routes.join(', ')}] }
  `)
  start(node)
}
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, end)

function start (node) {
  node.child = spawn('nats-server', ['-c', join(node.folder, 'nats.conf')], { stdio: 'ignore' })
  node.child.once('error', error => {
    console.log(`nats-server cannot be started: ${error.message}`)
    process.exitCode = 1
  })
  node.child.once('spawn', () => console.log(`${node.name} listens on 127.0.0.1:${node.port}, pid ${node.child.pid}`))
  node.child.once('exit', (code, signal) => {
    if (isEnding) return
    console.log(`${node.name} has ended (${signal ?? code}), and is started again`)
    node.restart = setTimeout(start, RESTART_MS, node)
  })
}

function end () {
  isEnding = true
  for (const { child, restart } of nodes) {
    clearTimeout(restart)
    child.kill('SIGTERM')
  }
}

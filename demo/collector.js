// A log collector as a process of its own: node collector.js <port> <file>. It keeps what is posted to it in the file,
// and tells its parent the port that it listens on.
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'

// Ctrl-C goes to every process of a terminal. The demo ends this one itself.
process.on('SIGINT', () => {})

const [port, file] = process.argv.slice(2)

// Its last life may have been killed in the middle of a line.
if (existsSync(file) && !/(^|\n)$/.test(readFileSync(file, 'utf8'))) appendFileSync(file, '\n')

const server = createServer((request, response) => {
  const chunks = []
  request.on('data', chunk => chunks.push(chunk))
  request.on('end', () => {
    // Kept before it is answered: being killed in between makes a duplicate, and never costs a line.
    appendFileSync(file, Buffer.concat(chunks))
    response.writeHead(204).end()
  })
})

server.listen(Number(port), '127.0.0.1', () => process.send({ port: server.address().port }))
process.on('disconnect', () => process.exit())

import { resolve } from 'node:path'
import t from 'tap'
import { UsageError } from '#lib/cli/command'
import { parseMonitorAddress, showMonitorAddress } from '#lib/terminal/monitor-address'

for (const [given, shown] of [
  ['http://127.0.0.1:9464', 'http://127.0.0.1:9464'],
  ['https://logs.example/', 'https://logs.example'],
  ['http://user:secret@127.0.0.1:9464/?token=secret', 'http://127.0.0.1:9464'],
  ['127.0.0.1:9464', 'http://127.0.0.1:9464'],
  ['localhost:9464', 'http://localhost:9464'],
  ['[::1]:9464', 'http://[::1]:9464'],
  ['9464', 'http://127.0.0.1:9464'],
  ['/run/app/monitor.sock', `unix:${resolve('/run/app/monitor.sock')}`],
  ['unix:/run/app/monitor', `unix:${resolve('/run/app/monitor')}`],
  ['./monitor', `unix:${resolve('monitor')}`],
  ['monitor.sock', `unix:${resolve('monitor.sock')}`]
] as const) {
  t.test(`${given} is ${shown}`, t => {
    t.equal(showMonitorAddress(parseMonitorAddress(given)), shown)
    t.end()
  })
}

for (const given of ['', 'monitor', 'ftp://127.0.0.1/', 'http://', '127.0.0.1:99999']) {
  t.test(`${JSON.stringify(given)} is no address`, t => {
    t.throws(() => parseMonitorAddress(given), UsageError)
    t.end()
  })
}

// rsyslog, which reads the file of an app and sends its lines to a backend, with omelasticsearch. Debian has no omhttp.
import { spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isInstalled } from '../runner/commands.js'
import { peakRssKb } from '../runner/tell.js'

const RSYSLOG = '/usr/sbin/rsyslogd'
const TICKS_PER_SECOND = 100

/** Whether rsyslog can send to Elasticsearch on this machine: Debian's `rsyslog` and `rsyslog-elasticsearch`. */
export const hasOmelasticsearch = isInstalled(RSYSLOG) && ['x86_64', 'aarch64'].some(machine => isInstalled(`/usr/lib/${machine}-linux-gnu/rsyslog/omelasticsearch.so`))

/**
 * Starts a daemon that follows a file. As the others do, it sends up to 512 KiB at a time, and gathers for at most a second.
 *
 * @param {{ dir: string, file: string, port: number }} options - Its own directory, the file, and the port of the backend.
 */
export function startRsyslog ({ dir, file, port }) {
  const config = join(dir, 'rsyslog.conf')
  // It complains of a file that does not exist yet.
  writeFileSync(file, '')
  writeFileSync(config, `global(workDirectory="${dir}" maxMessageSize="64k")
module(load="imfile" mode="inotify")
module(load="omelasticsearch")
main_queue(queue.type="FixedArray" queue.size="200000" queue.dequeueBatchSize="2000" queue.minDequeueBatchSize="2000" queue.minDequeueBatchSize.timeout="1000" queue.workerThreads="1")
template(name="document" type="string" string="%msg%")
input(type="imfile" file="${file}" tag="app")
action(type="omelasticsearch" server="127.0.0.1" serverport="${port}" searchIndex="logs" searchType="" bulkmode="on" maxbytes="512k" template="document")
`)
  const child = spawn(RSYSLOG, ['-n', '-f', config, '-i', join(dir, 'rsyslog.pid')], { stdio: ['ignore', 'ignore', 'inherit'] })
  const kill = () => child.kill('SIGKILL')
  process.on('exit', kill)
  return { kill, cpuMs: () => cpuMs(child.pid), peakRssKb: () => peakRssKb(child.pid) }
}

/** The CPU time of a process so far, on Linux. */
function cpuMs (pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 1000 / TICKS_PER_SECOND
}

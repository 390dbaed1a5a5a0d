import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { lineOf, linesFrom, textOf } from '../lines.js'
import { expectLines, fileTarget, isInstalled, pathOf, shell } from '../runner/commands.js'

// Debian's packages of rsyslog and syslog-ng cannot both be installed. `apt-get download syslog-ng-core && dpkg -x
// syslog-ng-core_*.deb /opt/syslog-ng` puts syslog-ng next to rsyslog. It needs libivykis0, libnet1 and libwrap0.
const SYSLOG_NG = ['/usr/sbin/syslog-ng', '/opt/syslog-ng/usr/sbin/syslog-ng'].find(isInstalled)
const RSYSLOG = ['/usr/sbin/rsyslogd', '/opt/rsyslog/usr/sbin/rsyslogd'].find(isInstalled)

const LEVELS = { trace: 10, info: 30, error: 50 }
const DEBUG_HEAD = lineOf(1).slice(0, 11)
const ERROR_HEAD = lineOf(16).slice(0, 11)
const targetsIn = dir => Object.keys(LEVELS).map(level => fileTarget(dir, level, { name: level, level }))
const filesOf = dir => Object.fromEntries(Object.keys(LEVELS).map(name => [name, join(dir, `${name}.ndjson`)]))

export default {
  title: 'A pipe into three files',
  what: '`cat lines | …` into three files, by level. `tee` only copies, without looking at a line. syslog-ng reads standard input (`no-parse`, multi-threaded, 1000 lines at a time); rsyslog reads a TCP socket, 8192 lines at a time, and is done when all lines are in the files.',
  quick: { lines: 100000 },
  full: { lines: 500000 },
  prepare (dir, { lines }) {
    const block = 10000
    for (let at = 0; at < lines; at += block) writeFileSync(join(dir, 'lines'), textOf(Math.min(block, lines - at)), { flag: 'a' })
  },
  sides: {
    fanout: { label: 'node bench/pipe.js', command: ({ dir, shared }) => shell(`cat ${shared}/lines | '${process.execPath}' '${pathOf('pipe.js')}' ${dir}`) },
    run: { label: 'pino-breaker-fanout run', command: ({ dir, shared }) => shell(`echo '${JSON.stringify({ targets: targetsIn(dir) })}' > ${dir}/fanout.json && cat ${shared}/lines | '${process.execPath}' '${pathOf('../dist/cjs/cli.cjs')}' run --config ${dir}/fanout.json`) },
    tee: { label: 'tee', command: ({ dir, shared }) => shell(`cat ${shared}/lines | tee ${Object.values(filesOf(dir)).slice(0, 2).join(' ')} > ${filesOf(dir).error}`) },
    ...(SYSLOG_NG !== undefined && { syslogNg: { label: 'syslog-ng', command: syslogNg } }),
    ...(RSYSLOG !== undefined && { rsyslog: { label: 'rsyslog', command: rsyslog } })
  },
  verify (side, { dir, size }) {
    expectLines(dir, Object.fromEntries(Object.entries(LEVELS).map(([name, level]) => [name, linesFrom(side === 'tee' ? 0 : level, size.lines)])))
  },
  show: ['wallMs'],
  goals: [
    { measure: 'wallMs', of: 'fanout', against: 'tee', atMost: 3 },
    { measure: 'wallMs', of: 'run', against: 'fanout', atMost: 1 },
    ...(SYSLOG_NG !== undefined ? [{ measure: 'wallMs', of: 'fanout', against: 'syslogNg', atMost: 1 }] : []),
    ...(RSYSLOG !== undefined ? [{ measure: 'wallMs', of: 'fanout', against: 'rsyslog', atMost: 1 }] : [])
  ],
  chart: { kind: 'bars', measure: 'wallMs' }
}

function syslogNg ({ dir, shared }) {
  const destination = ([name, file]) => `destination ${name} { file("${file}" template("$MSG\\n") flush-lines(1000) log-fifo-size(200000)); };`
  writeFileSync(join(dir, 'conf'), `@version: 3.38
@module affile
options { threaded(yes); stats-freq(0); log-msg-size(65536); };
source lines { stdin(flags(no-parse) log-fetch-limit(1000) log-iw-size(100000)); };
filter info { not message('${DEBUG_HEAD}' type(string) flags(prefix)); };
filter error { message('${ERROR_HEAD}' type(string) flags(prefix)); };
${Object.entries(filesOf(dir)).map(destination).join('\n')}
log {
  source(lines);
  log { destination(trace); }; log { filter(info); destination(info); }; log { filter(error); destination(error); };
  flags(flow-control);
};
`)
  const lib = join(dirname(SYSLOG_NG), '../lib/syslog-ng')
  const options = `-F --no-caps -f ${dir}/conf -R ${dir}/persist -p ${dir}/pid -c ${dir}/control --module-path=${lib}/3.38`
  return shell(`cat ${shared}/lines | LD_LIBRARY_PATH=${lib} ${SYSLOG_NG} ${options}`)
}

function rsyslog ({ dir, shared, size }) {
  const files = filesOf(dir)
  const action = name => `action(type="omfile" file="${files[name]}" template="line" ioBufferSize="256k")`
  writeFileSync(join(dir, 'conf'), `global(workDirectory="${dir}" maxMessageSize="64k" parser.escapeControlCharactersOnReceive="off" parser.escape8BitCharactersOnReceive="off")
module(load="imptcp" threads="1")
main_queue(queue.type="FixedArray" queue.size="200000" queue.dequeueBatchSize="8192" queue.workerThreads="1")
template(name="line" type="string" string="%rawmsg%\\n")
input(type="imptcp" address="127.0.0.1" port="0" listenPortFileName="${dir}/port")
${action('trace')}
if not ($rawmsg startswith '${DEBUG_HEAD}') then { ${action('info')} }
if $rawmsg startswith '${ERROR_HEAD}' then { ${action('error')} }
`)
  const total = Object.values(LEVELS).reduce((sum, level) => sum + linesFrom(level, size.lines), 0)
  return shell(`
    ${RSYSLOG} -n -f ${dir}/conf -i ${dir}/pid & daemon=$!
    until [ -s ${dir}/port ]; do sleep 0.01; done
    cat ${shared}/lines > /dev/tcp/127.0.0.1/$(cat ${dir}/port)
    until [ "$(cat ${Object.values(files).join(' ')} 2> /dev/null | wc -l)" -ge ${total} ]; do sleep 0.01; done
    kill $daemon
    wait $daemon`)
}
